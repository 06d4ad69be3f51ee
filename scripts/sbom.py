#!/usr/bin/env python3
"""What silt is linked with, as CycloneDX JSON: name, version, licence, upstream, checksum where one is pinned.

    scripts/sbom.py [--program FILE] [--output FILE] [--check]

Sources: the program's own list of libraries (ldd), dpkg for whom they belong to, scripts/versions.sh for what is built
from a pinned source, docs/dependencies.md for the licences. --check only says what one of them does not know.
"""

import argparse
import json
import pathlib
import re
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent


def output_of(*command):
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout


def linked(program):
    """Library name -> file."""
    found = dict(re.findall(r"^\s*(\S+) => (/\S+)", output_of("ldd", program), re.MULTILINE))
    loader = re.findall(r"^\s*(/\S+) \(", output_of("ldd", program), re.MULTILINE)
    return {**found, **{pathlib.Path(file).name: file for file in loader}}


def packages_of(files):
    """File -> its Debian package, asked under either name of a merged /usr."""
    names = {}
    for file in files:
        path = str(pathlib.Path(file).resolve())
        names |= {path: file, path.removeprefix("/usr"): file}
    result = subprocess.run(["dpkg-query", "-S", *names], capture_output=True, text=True, check=False)
    lines = (line.split(": ", 1) for line in result.stdout.splitlines() if not line.startswith("diversion"))
    return {names[path]: packages.split(",")[0] for packages, path in lines if path in names}


def facts_of(package):
    form = "${Package}\n${Version}\n${Architecture}\n${source:Package}\n${Homepage}"
    keys = ("name", "version", "architecture", "source", "homepage")
    return dict(zip(keys, output_of("dpkg-query", "-W", "-f", form, package).split("\n")))


def licences():
    """Source package -> licence, from the table of docs/dependencies.md."""
    text = (ROOT / "docs/dependencies.md").read_text(encoding="utf-8")
    table = text.split("## Every linked library", 1)[1].split("\n## ", 1)[0]
    return dict(re.findall(r"^\| `([^`]+)` \|.*\| ([^|]+) \|$", table, re.MULTILINE))


def pinned(name):
    return re.search(rf"^{name}=(\S+)", (ROOT / "scripts/versions.sh").read_text(encoding="utf-8"), re.MULTILINE)[1]


def librdkafka(licence):
    version = pinned("LIBRDKAFKA_VERSION")
    return {
        "type": "library",
        "name": "librdkafka",
        "version": version,
        "description": "linked statically; source taken from " + pinned("LIBRDKAFKA_NPM"),
        "licenses": [{"expression": licence}],
        "purl": f"pkg:github/confluentinc/librdkafka@v{version}",
        "hashes": [{"alg": "SHA-256", "content": pinned("LIBRDKAFKA_NPM_SHA256")}],
        "externalReferences": [{"type": "website", "url": "https://github.com/confluentinc/librdkafka"}],
    }


def component(facts, libraries, licence):
    return {
        "type": "library",
        "name": facts["name"],
        "version": facts["version"],
        "description": ", ".join(sorted(libraries)),
        "licenses": [{"expression": licence}],
        "purl": f"pkg:deb/debian/{facts['name']}@{facts['version']}?arch={facts['architecture']}",
        **({"externalReferences": [{"type": "website", "url": facts["homepage"]}]} if facts["homepage"] else {}),
    }


def collect(program):
    """@return the components, and what is unknown about which library."""
    known, problems, packages, files = licences(), [], {}, linked(program)
    owners = packages_of(files.values())
    for library, file in sorted(files.items()):
        if file in owners:
            packages.setdefault(owners[file], []).append(library)
        else:
            problems.append(f"{library}: {file} belongs to no package")
    components = [librdkafka(known.get("librdkafka", ""))]
    for package, libraries in sorted(packages.items()):
        facts = facts_of(package)
        licence = known.get(re.sub(r"-\d[\d.]*$", "", facts["source"]))
        if not licence:
            problems.append(f"{', '.join(libraries)}: docs/dependencies.md has no row `{facts['source']}`")
        components.append(component(facts, libraries, licence or "NOASSERTION"))
    return components, problems


def document(components):
    version = re.search(r"project\(silt VERSION (\S+)", (ROOT / "CMakeLists.txt").read_text(encoding="utf-8"))[1]
    program = {"type": "application", "name": "silt", "version": version, "licenses": [{"expression": "Apache-2.0"}]}
    return {
        "bomFormat": "CycloneDX",
        "specVersion": "1.5",
        "version": 1,
        "metadata": {"component": {**program, "bom-ref": "silt"}},
        "components": components,
    }


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--program", type=pathlib.Path, default=ROOT / "build/release/silt")
    parser.add_argument("--output", type=pathlib.Path)
    parser.add_argument("--check", action="store_true")
    arguments = parser.parse_args()
    if not arguments.program.exists():
        sys.exit(f"sbom: {arguments.program} is not built; run: ./dev build")
    components, problems = collect(arguments.program)
    for problem in problems:
        print(f"sbom: {problem}", file=sys.stderr)
    if not arguments.check:
        text = json.dumps(document(components), indent=2) + "\n"
        if arguments.output:
            arguments.output.write_text(text, encoding="utf-8")
        else:
            print(text, end="")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
