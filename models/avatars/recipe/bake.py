"""Makes an avatar package from a person file: `python bake.py ../anna.toml`. See ../README.md."""
import argparse
import os
import tomllib
from pathlib import Path

HERE = Path(__file__).resolve().parent


def main():
    a = argparse.ArgumentParser(description=__doc__)
    a.add_argument("person", type=Path)
    a.add_argument("--out", type=Path, help="package folder (default: beside the person file, by its name)")
    a.add_argument("--work", type=Path, default=Path("/tmp/avatar-work"), help="where renders are kept between runs")
    a.add_argument("--stages", default="portrait,closed,plate,package", help="which to run; the others' results are reused")
    a.add_argument("--height", type=int, default=720)
    a.add_argument("--samples", type=int, default=80)
    a.add_argument("--threads", type=int, default=os.cpu_count())
    args = a.parse_args()
    who = tomllib.loads(args.person.read_text())
    out = args.out or args.person.parent / who["name"]
    work = args.work / who["name"]
    work.mkdir(parents=True, exist_ok=True)
    stages = args.stages.split(",")

    import shape as shapes
    from framing import Framing

    shape = shapes.build(who)
    framing = Framing.of(shape)
    if {"portrait", "closed", "plate"} & set(stages):
        import renders

        renders.run(who, shape, framing, work, stages, args.height, args.samples, args.threads)
    if "package" in stages:
        import package

        package.write(who, shape, framing, work, out)


if __name__ == "__main__":
    main()
