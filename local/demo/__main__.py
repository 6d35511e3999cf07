"""`python -m local.demo [--json] [--keep]`: exit status 0 only when every step holds."""

import argparse
import sys

from local.demo.report import Report
from local.demo.steps import Demo
from local.stack.handle import running_stack


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m local.demo", description=__doc__)
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    parser.add_argument("--keep", action="store_true", help="leave the stack's folder with its logs")
    options = parser.parse_args()
    report = Report(as_json=options.json)
    with report.whatever_happens(), running_stack(keep=options.keep) as stack, Demo(stack) as demo:
        report.runtime = stack.layout.runtime
        report.run(demo.steps())
    report.close()
    sys.exit(0 if report.ok else 1)


if __name__ == "__main__":
    main()
