"""An in-process Kubernetes that speaks the real REST API.

A newcomer without a cluster runs STRATUS on it, tests and benchmarks run against it, and a plan can be rehearsed in
it. An outcome follows only from pod specifications, image profiles and cluster state, as in a real cluster. Nothing
here knows the engine.
"""
