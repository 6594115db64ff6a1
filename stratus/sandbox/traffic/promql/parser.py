"""From PromQL text to expressions: a hand-written precedence climber over a regular-expression lexer."""

from __future__ import annotations

import re
from functools import lru_cache

from stratus.sandbox.traffic.promql.ast import (
    Aggregation,
    Binary,
    Call,
    Expr,
    Matcher,
    Matching,
    Negative,
    Number,
    PromqlError,
    Selector,
    Subquery,
    Text,
)

TOKEN = re.compile(
    r"""\s*(?:(?P<comment>\#[^\n]*)|(?P<string>"(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*'|`[^`]*`)
    |(?P<duration>(?:\d+(?:ms|[smhdwy]))+)|(?P<number>0x[0-9a-fA-F]+|(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?)
    |(?P<name>[a-zA-Z_][a-zA-Z0-9_:]*)|(?P<operator>=~|!~|!=|==|>=|<=|[-+*/%^(){}\[\],=<>:@]))""",
    re.VERBOSE,
)
AGGREGATIONS = {
    "sum",
    "avg",
    "min",
    "max",
    "count",
    "group",
    "stddev",
    "stdvar",
    "topk",
    "bottomk",
    "quantile",
    "count_values",
}
PRECEDENCE = {"or": 1, "and": 2, "unless": 2, "==": 3, "!=": 3, "<=": 3, "<": 3, ">=": 3, ">": 3, "+": 4, "-": 4}
PRECEDENCE |= {"*": 5, "/": 5, "%": 5, "^": 6}
COMPARISONS = {"==", "!=", "<=", "<", ">=", ">"}
UNITS = {"ms": 0.001, "s": 1, "m": 60, "h": 3600, "d": 86400, "w": 604800, "y": 31536000}


def duration(text: str) -> float:
    """Seconds of a Prometheus duration such as 1h30m. Raises PromqlError."""
    parts = re.findall(r"(\d+)(ms|[smhdwy])", text)
    if not parts or "".join(a + b for a, b in parts) != text:
        raise PromqlError(f'not a valid duration string: "{text}"')
    return float(sum(int(number) * UNITS[unit] for number, unit in parts))


@lru_cache(maxsize=512)
def parse(query: str) -> Expr:
    """The expression of a query. Raises PromqlError."""
    parser = _Parser(query)
    expression = parser.expression(0)
    if parser.kind != "end":
        raise PromqlError(f'parse error: unexpected "{parser.text}"')
    return expression


class _Parser:
    def __init__(self, query: str) -> None:
        self._tokens = list(_lex(query))
        self._position = 0

    @property
    def kind(self) -> str:
        return self._tokens[self._position][0]

    @property
    def text(self) -> str:
        return self._tokens[self._position][1]

    def _next(self) -> str:
        text = self.text
        self._position += 1
        return text

    def _accept(self, text: str) -> bool:
        if self.kind != "string" and self.text == text:
            self._position += 1
            return True
        return False

    def _expect(self, text: str) -> None:
        if not self._accept(text):
            raise PromqlError(f'parse error: unexpected "{self.text}", expected "{text}"')

    def expression(self, minimum: int) -> Expr:
        left = self._unary()
        while self.kind in ("operator", "name") and PRECEDENCE.get(self.text.lower(), 0) > minimum:
            operator = self._next().lower()
            boolean = operator in COMPARISONS and self._accept("bool")
            matching = self._matching()
            level = PRECEDENCE[operator]
            right = self.expression(level - 1 if operator == "^" else level)
            left = Binary(operator, left, right, boolean, matching)
        return left

    def _unary(self) -> Expr:
        if self._accept("-"):
            inner = self.expression(PRECEDENCE["*"])
            return Number(-inner.value) if isinstance(inner, Number) else Negative(inner)
        if self._accept("+"):
            return self.expression(PRECEDENCE["*"])
        return self._postfix(self._primary())

    def _primary(self) -> Expr:
        if self._accept("("):
            inner = self.expression(0)
            self._expect(")")
            return inner
        if self.kind == "number":
            text = self._next()
            return Number(float(int(text, 16)) if text.startswith("0x") else float(text))
        if self.kind == "string":
            return Text(_unquote(self._next()))
        if self.text == "{":
            return self._selector("")
        if self.kind != "name":
            raise PromqlError(f'parse error: unexpected "{self.text or "end of input"}"')
        name = self._next()
        if name.lower() in ("inf", "nan"):
            return Number(float(name))
        if name in AGGREGATIONS and self.text in ("(", "by", "without"):
            return self._aggregation(name)
        if self.text == "(":
            return Call(name, tuple(self._arguments()))
        return self._selector(name)

    def _postfix(self, inner: Expr) -> Expr:
        while True:
            if self.text == "[" and self.kind == "operator":
                inner = self._range(inner)
            elif self.kind == "name" and self.text == "offset":
                self._next()
                sign = -1 if self._accept("-") else 1
                shift = sign * duration(self._next())
                if isinstance(inner, Selector):
                    inner = Selector(inner.name, inner.matchers, inner.window, shift)
                elif isinstance(inner, Subquery):
                    inner = Subquery(inner.inner, inner.window, inner.step, shift)
                else:
                    raise PromqlError("parse error: offset modifier must be preceded by a selector or a subquery")
            else:
                return inner

    def _range(self, inner: Expr) -> Expr:
        self._expect("[")
        window = duration(self._next())
        if self._accept(":"):
            step = duration(self._next()) if self.kind == "duration" else 0.0
            self._expect("]")
            return Subquery(inner, window, step)
        self._expect("]")
        if not isinstance(inner, Selector) or inner.window:
            raise PromqlError("parse error: ranges only allowed for vector selectors")
        return Selector(inner.name, inner.matchers, window, inner.offset)

    def _selector(self, name: str) -> Selector:
        matchers = []
        if self._accept("{"):
            while not self._accept("}"):
                matchers.append(self._matcher())
                if not self._accept(",") and self.text != "}":
                    raise PromqlError(f'parse error: unexpected "{self.text}" in label matching')
        for matcher in matchers:
            if matcher.label == "__name__" and matcher.operator == "=":
                name = matcher.value
        rest = tuple(matcher for matcher in matchers if matcher.label != "__name__")
        return Selector(name, rest)

    def _matcher(self) -> Matcher:
        label, operator = self._next(), self._next()
        if operator not in ("=", "!=", "=~", "!~") or self.kind != "string":
            raise PromqlError(f'parse error: unexpected "{operator}" in label matching')
        value = _unquote(self._next())
        try:
            return Matcher(label, operator, value, re.compile(value) if "~" in operator else None)
        except re.error as error:
            raise PromqlError(f"parse error: error parsing regexp: {error}") from error

    def _arguments(self) -> list[Expr]:
        self._expect("(")
        arguments: list[Expr] = []
        while not self._accept(")"):
            arguments.append(self.expression(0))
            if not self._accept(",") and self.text != ")":
                raise PromqlError(f'parse error: unexpected "{self.text}" in argument list')
        return arguments

    def _aggregation(self, name: str) -> Aggregation:
        labels, without = self._grouping()
        arguments = self._arguments()
        if self.text in ("by", "without"):
            labels, without = self._grouping()
        if not arguments or len(arguments) > 2:
            raise PromqlError(f"parse error: wrong number of arguments for aggregate expression {name}")
        parameter = arguments[0] if len(arguments) == 2 else None
        return Aggregation(name, arguments[-1], labels, without, parameter)

    def _grouping(self) -> tuple[tuple[str, ...], bool]:
        if self.text not in ("by", "without"):
            return (), False
        without = self._next() == "without"
        return self._labels(), without

    def _labels(self) -> tuple[str, ...]:
        self._expect("(")
        labels = []
        while not self._accept(")"):
            labels.append(self._next())
            self._accept(",")
        return tuple(labels)

    def _matching(self) -> Matching:
        if self.text not in ("on", "ignoring"):
            return Matching()
        on = self._next() == "on"
        labels = self._labels()
        group, include = "", ()
        if self.text in ("group_left", "group_right"):
            group = self._next().removeprefix("group_")
            include = self._labels() if self.text == "(" else ()  # type: ignore[assignment]
        return Matching(on, labels, group, include)


def _lex(query: str) -> list[tuple[str, str]]:
    tokens, position = [], 0
    while position < len(query.rstrip()):
        match = TOKEN.match(query, position)
        if not match:
            raise PromqlError(f'parse error: unexpected character: "{query[position:].strip()[:1]}"')
        position = match.end()
        if match.lastgroup != "comment":
            tokens.append((str(match.lastgroup), match[str(match.lastgroup)]))
    return [*tokens, ("end", "")]


def _unquote(text: str) -> str:
    return (
        text[1:-1] if text[0] == "`" else re.sub(r"\\(.)", lambda m: {"n": "\n", "t": "\t"}.get(m[1], m[1]), text[1:-1])
    )
