"""Time one converter of script variants on one text. Runs in the environment of the peer, which has no cleantext.

python script_peer.py PEER CONFIGURATION < text > seconds, characters out
"""

import json
import statistics
import sys
import time


def opencc(configuration):
    import opencc

    return opencc.OpenCC(configuration).convert


def opencc_reimplemented(configuration):
    import opencc

    return opencc.OpenCC(configuration).convert


def opencc_pyo3(configuration):
    import opencc_pyo3

    return opencc_pyo3.OpenCC(configuration).convert


def zhconv_rs(configuration):
    from zhconv_rs import zhconv

    variant = {"t2s": "zh-hans", "s2t": "zh-hant", "tw2s": "zh-hans", "s2tw": "zh-tw", "s2twp": "zh-tw", "tw2sp": "zh-cn"}[configuration]
    return lambda text: zhconv(text, variant)


def main(peer, configuration):
    text = sys.stdin.buffer.read().decode()
    convert = globals()[peer](configuration)
    text = text[: 20_000 if peer == "opencc_reimplemented" else None]  # 300 times slower than the others
    convert(text[:1000])
    seconds = []
    for _ in range(3):
        start = time.process_time()
        out = convert(text)
        seconds.append(time.process_time() - start)
    json.dump({"seconds": statistics.median(seconds), "bytes": len(text.encode()), "out": len(out)}, sys.stdout)


if __name__ == "__main__":
    main(*sys.argv[1:])
