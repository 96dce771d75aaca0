"""Makes a job server of Beam from its parts on Maven Central, for when its own jar is not there.

    python tests/data_prep/engines/job_server.py flink servers     makes servers/flink.jar
    python tests/data_prep/engines/job_server.py spark servers     makes servers/spark.jar

Beam publishes a job server as one jar of all it needs. This one names the same parts in its class
path and keeps them in a folder beside it; Maven fetches them. The versions are those that
docs/engines.md reports on. Needs Maven and, to run, Java 11 or 17.
"""

import argparse
import pathlib
import subprocess
import zipfile

_PARTS = {
    "flink": [
        "org.apache.beam:beam-runners-flink-1.16:2.50.0",
        "org.slf4j:slf4j-simple:1.7.30",
    ],
    "spark": [
        "org.apache.beam:beam-runners-spark-3:2.56.0",
        "org.apache.beam:beam-runners-java-job-service:2.56.0",
        "org.apache.spark:spark-core_2.12:3.3.4",
        "org.apache.spark:spark-sql_2.12:3.3.4",
        "org.apache.spark:spark-streaming_2.12:3.3.4",
        # The version that goes with Beam's Jackson; Spark's own refuses it.
        "com.fasterxml.jackson.module:jackson-module-scala_2.12:2.14.1",
    ],
}
_MAIN = {
    "flink": "org.apache.beam.runners.flink.FlinkJobServerDriver",
    "spark": "org.apache.beam.runners.spark.SparkJobServerDriver",
}
# What these releases reach into and Java 17 closes.
_OPENED = (
    "java.base/java.io java.base/java.lang java.base/java.lang.invoke "
    "java.base/java.lang.reflect java.base/java.net java.base/java.nio java.base/java.text "
    "java.base/java.time java.base/java.util java.base/java.util.concurrent "
    "java.base/java.util.concurrent.atomic java.base/sun.nio.ch java.base/sun.nio.cs "
    "java.base/sun.security.action java.base/sun.util.calendar"
)
_BYTES_A_MANIFEST_LINE = 70


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("engine", choices=_PARTS)
    parser.add_argument("folder", type=pathlib.Path)
    arguments = parser.parse_args()
    parts = arguments.folder / arguments.engine
    parts.mkdir(parents=True, exist_ok=True)
    (parts / "pom.xml").write_text(_pom(_PARTS[arguments.engine]))
    fetch = "mvn --batch-mode --quiet dependency:copy-dependencies -DincludeScope=runtime"
    subprocess.run([*fetch.split(), "-DoutputDirectory=."], cwd=parts, check=True)
    jar = arguments.folder / f"{arguments.engine}.jar"
    with zipfile.ZipFile(jar, "w") as archive:
        archive.writestr("META-INF/MANIFEST.MF", _manifest(arguments.engine, parts))
    print(jar)


def _pom(parts):
    lines = ["<project><modelVersion>4.0.0</modelVersion>"]
    lines += ["<groupId>job</groupId><artifactId>server</artifactId><version>1</version>"]
    lines += ["<dependencies>"]
    for part in parts:
        group, artifact, version = part.split(":")
        lines.append(
            f"<dependency><groupId>{group}</groupId><artifactId>{artifact}</artifactId>"
            f"<version>{version}</version></dependency>"
        )
    return "\n".join([*lines, "</dependencies></project>"])


def _manifest(engine, parts):
    jars = [f"{parts.name}/{path.name}" for path in sorted(parts.glob("*.jar"))]
    entries = ["Manifest-Version: 1.0", f"Main-Class: {_MAIN[engine]}"]
    entries += [f"Add-Opens: {_OPENED}", f"Class-Path: {' '.join(jars)}"]
    return "".join(map(_wrapped, entries)) + "\r\n"


def _wrapped(entry):
    """Cuts a line of a manifest as its format demands: the rest goes on after a space."""
    size = _BYTES_A_MANIFEST_LINE
    return "\r\n ".join(entry[at : at + size] for at in range(0, len(entry), size)) + "\r\n"


if __name__ == "__main__":
    main()
