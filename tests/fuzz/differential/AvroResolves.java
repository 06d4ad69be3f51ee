import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.nio.charset.StandardCharsets;

import org.apache.avro.Schema;
import org.apache.avro.SchemaCompatibility;
import org.apache.avro.SchemaCompatibility.SchemaCompatibilityType;

/** Java Avro's verdicts on the pairs that differ_resolve.c describes. */
public final class AvroResolves {
    public static void main(String[] arguments) throws IOException {
        BufferedReader in = new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8));
        for (String line; (line = in.readLine()) != null;) {
            String[] pair = line.split("\t");
            Schema writer = new Schema.Parser().parse(pair[0]);
            Schema reader = new Schema.Parser().parse(pair[1]);
            SchemaCompatibilityType type =
                SchemaCompatibility.checkReaderWriterCompatibility(reader, writer).getType();
            System.out.println(type == SchemaCompatibilityType.COMPATIBLE ? "readable" : "unreadable");
        }
    }
}
