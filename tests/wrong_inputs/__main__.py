"""Run the rows of an area, one JSON line before and one after each: python -m wrong_inputs AREA.

A row that ends the interpreter leaves its first line without its second.
"""

import importlib
import json
import sys
import warnings


def main(area):
    warnings.simplefilter("error")
    for name, call, _ in importlib.import_module(f"wrong_inputs.{area}").rows():
        print(json.dumps({"name": name}), flush=True)
        try:
            result = call()
        except Exception as error:
            kinds = [kind.__name__ for kind in type(error).__mro__]
            print(json.dumps({"kinds": kinds, "message": str(error)}), flush=True)
        else:
            print(json.dumps({"kinds": [], "message": f"returned {result!r}"[:200]}), flush=True)


if __name__ == "__main__":
    main(sys.argv[1])
