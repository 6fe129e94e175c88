"""What the tags of HTML mean for the lines of a page."""

from __future__ import annotations

from cleantext.html.words import word_set

__all__ = ["BLOCK_TAG", "BREAK_TAG", "EMBEDDED", "FOLDED", "KIND", "META_TAG", "PARTS", "SPECIAL", "UNSEEN_TAG"]

BLOCK = word_set(
    "address article aside blockquote body button caption center col colgroup dd details dialog dir div dl dt fieldset figcaption figure footer form "
    "frameset h1 h2 h3 h4 h5 h6 head header hgroup hr html legend li listing main menu nav ol optgroup p pre search section summary table tbody td "
    "tfoot th thead tr ul xmp"
)
# Embedded documents and fields end a line; code, fall-back content and readings above characters do not.
EMBEDDED = word_set("applet audio canvas embed iframe object select textarea video")
UNSEEN = EMBEDDED | word_set("annotation datalist meter noembed noframes noscript option progress rp rt script style svg template title")
VOID = word_set("area base basefont bgsound br embed frame img input keygen link meta param source track wbr")
# Words of inline elements that hold one fact each. Their style sheet parts them; without it date, source and author run together.
PARTS = word_set(
    "time date pubtime pubdate publish published source laiyuan media origin publisher where from author authors zuozhe writer byline editor editors "
    "catalog channel views view count hits jubao name"
)
# What a start tag does. Custom elements ("x-article") are blocks, what else is unknown (Word's "o:p") is inline.
UNSEEN_TAG, BLOCK_TAG, BREAK_TAG, META_TAG, VOID_TAG = range(1, 6)
KIND = dict.fromkeys(UNSEEN, UNSEEN_TAG) | dict.fromkeys(BLOCK, BLOCK_TAG)
KIND = dict.fromkeys(VOID, VOID_TAG) | KIND | {"br": BREAK_TAG, "meta": META_TAG}
FOLDED = frozenset(("tbody", "tr"))  # rows of a long table are folded away by its page, and part of it
SPECIAL = frozenset(("tr", "td", "th", "pre", "dt"))
