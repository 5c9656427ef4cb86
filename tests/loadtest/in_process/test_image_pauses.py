import numpy as np

from loadtest.in_process import image_pauses


class Engine:
    """Adds up pixels."""

    def __init__(self):
        self.asked = 0

    def infer(self, batch):
        self.asked += 1
        return batch.reshape(len(batch), -1).sum(1, keepdims=True).astype(np.float32)

    def describe(self):
        return {"engine": "openvino", "precision": "bf16", "threads": 2}


def test_every_kind_of_pause_is_measured_as_often(monkeypatch):
    monkeypatch.setattr(image_pauses, "PAUSE_SECONDS", 0.001)
    engine = Engine()
    report = image_pauses.measure(engine, 8, images=3)
    kinds = ["Back to back", "After a sleep", "After other data", "After other processes"]
    assert [row[0] for row in report.rows] == kinds
    assert {kind: len(values) for kind, values in report.data["samples"].items()} == dict.fromkeys(kinds, 3)
    # Each once, the one before those back to back, and the first.
    assert engine.asked == 3 * (len(kinds) + 1) + 1
    assert "openvino bf16, 2 threads." in report.markdown()
