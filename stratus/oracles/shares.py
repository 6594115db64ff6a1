"""From a share of failures to a reason. Near a threshold every sample falls on another side of it, and a verdict that
changes from look to look never settles; so a reason that was given takes a clear change to be replaced by another."""

from __future__ import annotations

FAIL, DEGRADED = "RequestsFail", "RequestsDegraded"
MARGIN = 0.5
"""A share must be by this fraction of the threshold (or of what is left to 1) beyond it to replace the other reason."""


def reason_for(failed: float, affected: float, fail_share: float, degraded_share: float, last: str = "") -> str:
    """``RequestsFail``, ``RequestsDegraded`` or "". ``failed`` and ``affected`` (failed or slow) are shares, ``last`` is the
    reason at the look before. Going from a reason to none needs no margin: it is for enough samples to be sure of that.
    """
    bound = fail_share
    if last == FAIL:
        bound = fail_share * (1 - MARGIN)
    elif last == DEGRADED:
        bound = fail_share + (1 - fail_share) * MARGIN
    if failed >= bound:
        return FAIL
    return DEGRADED if affected > degraded_share else ""
