"""Converters of scripts: one long text in, one out."""

import hashlib

import script_peer

WARM = 2000


def prepare(engine, source, options):
    """Return the conversion of the text, or of a part of it for an engine that takes hundreds of times as long."""
    text = source.read_text("utf-8")[: options.get("limit")]
    configuration = options["configuration"]
    if engine == "cleantext":
        from cleantext.script import UnifyScript

        convert = UnifyScript(to=configuration)
        return lambda: convert(text), lambda: convert(text)  # the whole: short texts are not compiled
    convert = getattr(script_peer, engine)(configuration)
    return lambda: convert(text), lambda: convert(text[:WARM])


def result(_engine, value):
    return {
        "digest": hashlib.sha256(value.encode()).hexdigest(),
        "lines": [hashlib.md5(x.encode()).hexdigest()[:8] for x in value.split("\n")],
    }
