"""How a model was made: forward steps, detectors, replay, mixtures."""
