import java.io.DataOutputStream;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;

import org.apache.avro.Schema;
import org.apache.avro.generic.GenericDatumReader;
import org.apache.avro.io.BinaryDecoder;
import org.apache.avro.io.DecoderFactory;

/** Java Avro's verdicts on the file that differ_walk.c describes: 0 for a valid datum, 1 for any other. */
public final class AvroVerdicts {
    private static BinaryDecoder decoder;

    private static byte[] take(ByteBuffer in) {
        byte[] bytes = new byte[in.getInt()];
        in.get(bytes);
        return bytes;
    }

    private static int judge(GenericDatumReader<Object> reader, byte[] datum) {
        try {
            decoder = DecoderFactory.get().binaryDecoder(datum, decoder);
            reader.read(null, decoder);
            return decoder.isEnd() ? 0 : 1;
        } catch (IOException | RuntimeException | OutOfMemoryError | StackOverflowError refused) {
            return 1;
        }
    }

    public static void main(String[] arguments) throws IOException {
        ByteBuffer in = ByteBuffer.wrap(Files.readAllBytes(Path.of(arguments[0]))).order(ByteOrder.LITTLE_ENDIAN);
        byte[] out = new byte[in.capacity()];
        int n = 0;
        while (in.hasRemaining()) {
            Schema schema = new Schema.Parser().parse(new String(take(in), StandardCharsets.UTF_8));
            GenericDatumReader<Object> reader = new GenericDatumReader<>(schema);
            for (int left = in.getInt(); left > 0; left--) {
                out[n++] = (byte) judge(reader, take(in));
            }
        }
        try (DataOutputStream to = new DataOutputStream(System.out)) {
            to.write(out, 0, n);
        }
    }
}
