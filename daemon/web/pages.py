"""The pages behind the links of a message: plain HTML, no script, nothing from elsewhere. Pure."""

from collections.abc import Mapping, Sequence
from html import escape
from typing import Any

HEADERS = {
    "Cache-Control": "no-store",
    "Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'; form-action 'self'; "
    "frame-ancestors 'none'; base-uri 'none'",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
}
"""The address is the credential: it goes into no cache, no other site's log and no frame."""

STYLE = """
:root { color-scheme: light; }
body { font: 16px/1.5 system-ui, sans-serif; max-width: 46rem; margin: 2rem auto; padding: 0 1rem; color: #1a1a1a; }
h1 { font-size: 1.4rem; } h2 { font-size: 1.05rem; margin: 1.6rem 0 .4rem; }
table { border-collapse: collapse; font-size: .9rem; } th, td { text-align: left; padding: .2rem .8rem .2rem 0;
vertical-align: top; } th { font-weight: 600; } .no { color: #a40000; font-weight: 600; } code { font-size: .85rem; }
label { display: block; margin: .6rem 0; } input, textarea { font: inherit; width: 100%; box-sizing: border-box;
padding: .4rem; } button { font: inherit; padding: .5rem 1.4rem; margin-top: .6rem; } .wrong { color: #a40000; }
.scroll { overflow-x: auto; }
@media (prefers-color-scheme: dark) { :root { color-scheme: dark; } body { background: #0d1117; color: #e6edf3; }
.no, .wrong { color: #ff7b72; } }
"""

QUESTION = {"approve": "Approve", "reject": "Reject"}


def question(verb: str, told: Mapping[str, Any], *, by: str = "", reason: str = "", wrong: str = "") -> str:
    """Ask for the word: what will be done, why, what every guard says, and a form that sends it back here."""
    sends = f"""
<h2>Your word</h2>
{f'<p class="wrong">{_text(wrong)}</p>' if wrong else ""}
<form method="post">
<label>Your name <input name="by" required maxlength="200" autocomplete="name" value="{_text(by)}"></label>
<label>Why <textarea name="reason" required maxlength="500" rows="2">{_text(reason)}</textarea></label>
<button type="submit">{QUESTION[verb]}</button>
</form>
<p>Nothing happens until you press the button. The first word counts.</p>"""
    return _page(f"{QUESTION[verb]} {told['remedy']} of {told['endpoint']}?", _about(told) + sends)


def answered(sentence: str, told: Mapping[str, Any]) -> str:
    return _page("Thank you", f"<p>{_text(sentence)}</p>" + _about(told))


def refused(sentence: str, told: Mapping[str, Any] | None = None) -> str:
    rest = _about(told) if told else "<p><code>mlsteward status</code> shows what waits for a word.</p>"
    return _page("Nothing was done", f"<p>{_text(sentence)}</p>" + rest)


def _about(told: Mapping[str, Any]) -> str:
    gate = told.get("waits_for")
    until = f", waits for a word on {gate['about']} until {gate['until']:%F %T} UTC" if gate else ""
    parts = [
        f"<p>{_text(told['sentence'])}</p>",
        f"<p><code>{_text(told['id'])}</code> is {_text(str(told['state']).replace('_', ' '))}{_text(until)}.</p>",
        _listed("What it does", told["will_do"]),
        _changed(told["changed_rules"]),
        _findings(told["evidence"].get("findings")),
        *told.get("pictures", ()),
        _guards(told["guards"]),
        _words(told["approvals"]),
        f"<p>The plan's hash: <code>{_text(str(told['plan_hash'])[:16])}</code></p>",
    ]
    return "\n".join(parts)


def _listed(title: str, lines: Sequence[str]) -> str:
    items = "".join(f"<li>{_text(line)}</li>" for line in lines)
    return f"<h2>{title}</h2><ol>{items}</ol>" if lines else ""


def _changed(rules: Mapping[str, object]) -> str:
    lines = "".join(f"<li><code>{_text(name)} = {_text(value)}</code></li>" for name, value in rules.items())
    return f"<h2>Rules other than the default</h2><ul>{lines}</ul>" if lines else ""


def _findings(found: object) -> str:
    if not isinstance(found, Sequence) or not found:
        return ""
    names = ("check", "statistic", "bound", "threshold", "n", "against", "version")
    shown = ("check", "statistic", "certainly above", "tolerated", "n", "against", "version")
    return _table("What was found", shown, [[_number(f.get(name)) for name in names] for f in found])


def _guards(guards: Sequence[Mapping[str, Any]]) -> str:
    rows = [[g["guard"], "yes" if g["passed"] else "NO", g["detail"]] for g in guards]
    return _table("Guards", ("guard", "holds", "because"), rows)


def _words(words: Sequence[Mapping[str, Any]]) -> str:
    rows = [[w["gate"], "yes" if w["granted"] else "NO", w["by"], f"{w['at']:%F %T} UTC", w["reason"]] for w in words]
    return _table("Words of people", ("on", "said", "by", "at", "because"), rows)


def _table(title: str, columns: Sequence[str], rows: Sequence[Sequence[object]]) -> str:
    if not rows:
        return ""
    head = "".join(f"<th>{_text(column)}</th>" for column in columns)
    body = "".join(f"<tr>{''.join(map(_cell, row))}</tr>" for row in rows)
    return f'<h2>{title}</h2><div class="scroll"><table><tr>{head}</tr>{body}</table></div>'


def _cell(value: object) -> str:
    return f'<td class="no">{value}</td>' if value == "NO" else f"<td>{_text(value)}</td>"


def _number(value: object) -> object:
    return f"{value:.4g}" if isinstance(value, float) else "-" if value is None else value


def _page(title: str, body: str) -> str:
    return (
        f'<!doctype html>\n<html lang="en"><head><meta charset="utf-8"><title>{_text(title)} - mlsteward</title>'
        f'<meta name="viewport" content="width=device-width, initial-scale=1"><meta name="robots" content="noindex">'
        f"<style>{STYLE}</style></head>\n<body><h1>{_text(title)}</h1>\n{body}\n</body></html>\n"
    )


def _text(value: object) -> str:
    return escape(str(value), quote=True)
