"""STRATUS: an autonomous SRE for Kubernetes under Transactional No-Regression. This package is its core: no model, no screen."""

__version__ = "0.1.0"
