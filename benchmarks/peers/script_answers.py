"""Convert texts with one converter of script variants. Runs in the environment of the peer, which has no cleantext.

python script_answers.py PEER < {configuration: [texts]} > {configuration: [answers]}, in JSON
"""

import json
import sys

import script_peer

if __name__ == "__main__":
    converter = getattr(script_peer, sys.argv[1])
    asked = json.load(sys.stdin)
    json.dump({configuration: list(map(converter(configuration), texts)) for configuration, texts in asked.items()}, sys.stdout)
