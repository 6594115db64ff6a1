"""The controllers of the embedded cluster: each brings one kind of object to its wanted state, as Kubernetes' do."""

from __future__ import annotations

from stratus.sandbox.controllers.assembly import Controllers

__all__ = ["Controllers"]
