"""PromQL, as far as alert rules and an SRE's questions use it: parsed once, evaluated on the series of this cluster."""
