"""The receipt: what became of what was sent under six words, the proof, and the wish that it is taken out.

Rules: the words come by POST and stand in no address. A look-up costs scrypt, so a budget over all senders limits how
many there are in a minute; the words hold 77 bits, so nobody finds one by trying.
"""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.translation import gettext_lazy as _l
from django.utils.translation import gettext_noop

from counterfoil.bootstrap.server import server
from counterfoil.storage import receipts
from counterfoil.web.sending.guard import Token, new_token, sender_view, stale
from counterfoil.web.sending.memory import memory
from counterfoil.workflow.codes import hash_receipt, read_receipt

STATES = {
    "received": _l("Received; it goes into the public record with the next batch, or when its station is found."),
    "recorded": _l("In the public record; not read yet."),
    "read": _l("In the public record; being read."),
    "counted": _l("Read and counted."),
    "problem": _l("Read, but it cannot be counted: another photo of the same paper would help."),
    "withdrawn": _l("Taken out: it does not count."),
}
_TOO_MANY = gettext_noop("Too many receipts are looked up at this moment. Try again in a few seconds.")


@sender_view
def receipt(request: HttpRequest) -> HttpResponse:
    """Ask for the six words; show what they open."""
    if request.method != "POST":
        return render(request, "sending/receipt.html", {"token": new_token("receipt")})
    token = Token(request, "receipt")
    if not token.fresh:
        return stale(request)
    words = read_receipt(request.POST.get("words", "")[:200])
    if words is None:
        context = {"token": new_token("receipt"), "wrong": "not-words"}
        return render(request, "sending/receipt.html", context, status=422)
    memory(server().settings).attempts.take("busy", _TOO_MANY)
    kept = hash_receipt(words, server().pepper)
    asked = request.POST.get("withdraw", "")
    if asked and request.POST.get("sure") == "on":
        receipts.ask_withdrawal(kept, asked[:64], server().slot)
    return _show(request, words, receipts.open_receipt(kept))


def _show(request: HttpRequest, words: str, opened: receipts.Opened) -> HttpResponse:
    if not opened.found:
        again = {"token": new_token("receipt"), "wrong": "not-found"}
        return render(request, "sending/receipt.html", again, status=404)
    with server().log(read_only=True) as log:
        proofs = {
            one.copy: receipts.proof(log, one.index).decode("utf-8")
            for one in opened.copies
            if one.index is not None and one.index < log.size
        }
    context: dict[str, Any] = {
        "words": words,
        "token": new_token("receipt"),
        "copies": [(one, STATES[one.state], proofs.get(one.copy, "")) for one in opened.copies],
        "disputes": opened.disputes,
    }
    return render(request, "sending/opened.html", context)
