"""HTML to plain text: entities decoded, a line for each block, no markup."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable

from selectolax.lexbor import LexborHTMLParser, LexborNode

# Parsing by the HTML standard takes time that is quadratic in the number of tags left open and of attributes; these
# limits, far above what an editor makes, keep one hostile text from holding up all others.
MAX_HTML_LENGTH = 1_000_000
MAX_OPEN_TAGS = 100
_MAX_ATTRIBUTES_LENGTH = 1000


def _names(names: str) -> frozenset[str]:
    return frozenset(names.split())


# Each begins and ends a line.
_BLOCKS = _names(
    "address article aside blockquote body br caption center dd details div dl dt fieldset figcaption figure footer "
    "form h1 h2 h3 h4 h5 h6 header hr legend li main nav ol optgroup option p pre section summary table tbody tfoot "
    "thead tr ul"
)
_CELLS = frozenset({"td", "th"})
_UNREAD = frozenset({"-comment", "-doctype", "script", "style", "template", "iframe", "noembed", "noframes", "title"})

# Tags without an end, or whose end follows from what comes next.
_NEVER_OPEN = _names(
    "area base br col embed hr img input link meta param source track wbr "
    "p li dt dd tr td th thead tbody tfoot option optgroup"
)

# Controls other than tab and line feed, and surrogates: no text, and more than one file format refuses them.
_NO_TEXT = re.compile("[\0-\x08\x0b-\x1f\x7f-\x9f\ud800-\udfff]")
_ASCII_NO_TEXT = {code: " " for code in range(0x80) if _NO_TEXT.match(chr(code))}

_TAG = re.compile(r"<(/?)([a-zA-Z][^\s/>]{0,50})")
_LONG_TAG = re.compile(r"<([a-zA-Z][^\s/>]{0,50})[^>]{%d,}(?:>|$)" % _MAX_ATTRIBUTES_LENGTH)  # noqa: UP031
_MARKUP = re.compile(r"</(?:p|a|pre|code|li|ul|ol|div|blockquote|strong|em|span|td|h[1-6])>|<br ?/?>", re.IGNORECASE)


class UnreadableHtml(ValueError):
    """The text cannot be parsed within bounds; the message is the end of a sentence."""


def to_text(html: str, *, code_blocks: bool = True) -> str:
    """Plain text of a piece of HTML.

    Args:
        html: need not be well formed.
        code_blocks: keep what stands in <pre>; code in a sentence always stays.

    Returns:
        Lines without whitespace around them, one for each block; none is empty.

    Raises:
        UnreadableHtml: it is too long, or leaves too many tags open.
    """
    html = _visible(html)
    _check(html)
    if "<" not in html and "&" not in html:
        return in_lines(html.replace("\n", " "))
    tree = LexborHTMLParser(_LONG_TAG.sub(r"<\1>", html), is_fragment=True)
    return in_lines("".join(_Walk(code_blocks=code_blocks).pieces(tree.root)))


def in_lines(text: str) -> str:
    """A text without empty lines, whitespace around lines, runs of spaces, and characters that are no text."""
    lines = (" ".join(line.split()) for line in _visible(text).split("\n"))
    return "\n".join(filter(None, lines))


def _visible(text: str) -> str:
    # Most texts are ASCII, for which this is ten times as fast as the pattern.
    return text.translate(_ASCII_NO_TEXT) if text.isascii() else _NO_TEXT.sub(" ", text)


def looks_like_html(texts: Iterable[str]) -> bool:
    """Whether texts are HTML: one in five or more has an end tag of running text or a line break.

    Plain text may mention a tag, such as the question how to use it.
    """
    found = [_MARKUP.search(text) is not None for text in texts]
    return 5 * sum(found) >= max(1, len(found))


def _check(html: str) -> None:
    if len(html) > MAX_HTML_LENGTH:
        raise UnreadableHtml(f"has more than {MAX_HTML_LENGTH:,} characters of HTML")
    still_open: Counter[str] = Counter()
    depth = 0
    for match in _TAG.finditer(html):
        name = match[2].lower()
        if name in _NEVER_OPEN:
            continue
        if not match[1]:
            still_open[name] += 1
            depth += 1
        elif still_open[name]:
            still_open[name] -= 1
            depth -= 1
        if depth > MAX_OPEN_TAGS:
            raise UnreadableHtml(f"has more than {MAX_OPEN_TAGS} HTML tags open at once")


class _Walk:
    """Goes through a tree in the order of the text, without recursion."""

    def __init__(self, *, code_blocks: bool) -> None:
        self._unread = _UNREAD if code_blocks else _UNREAD | {"pre"}
        self._pieces: list[str] = []
        self._blocks_of_code = 0

    def pieces(self, first: LexborNode | None) -> list[str]:
        node = first
        while node is not None:
            tag = node.tag or ""
            child = self._enter(node, tag)
            node = child if child is not None else self._leave(node, tag)
        return self._pieces

    def _enter(self, node: LexborNode, tag: str) -> LexborNode | None:
        if tag == "-text":
            text = node.text_content or ""
            self._pieces.append(text if self._blocks_of_code else text.replace("\n", " "))
            return None
        self._pieces.append(_edge(tag))
        if tag in self._unread:
            return None
        self._blocks_of_code += tag == "pre"
        child = node.first_child
        if child is None:
            self._blocks_of_code -= tag == "pre"
        return child

    def _leave(self, node: LexborNode, tag: str) -> LexborNode | None:
        self._pieces.append(_edge(tag))
        while (following := node.next) is None:
            parent = node.parent
            if parent is None:
                return None
            node = parent
            self._blocks_of_code -= node.tag == "pre"
            self._pieces.append(_edge(node.tag or ""))
        return following


def _edge(tag: str) -> str:
    if tag in _BLOCKS:
        return "\n"
    return " " if tag in _CELLS else ""
