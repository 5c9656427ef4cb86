"""A service that answers as the real one does, for commands; and what they printed."""

import json

import httpx

ROWS = [[7, 70, 0.75], ["8", "80", 0.25]]
PNG = "iVBORw=="


class Service:
    """Answers as the service does, and keeps the requests."""

    def __init__(self):
        self.requests = []
        self.status = 200
        self.code = "some_code"
        self.failure = None
        self.matched = True
        self.answer = "Seven\x1b[31m."
        self.label = "n1 lynx"

    def __call__(self, request):
        self.requests.append(request)
        if self.failure:
            raise self.failure
        if self.status != 200:
            problem = {"detail": "One sentence.", "code": self.code, "request_id": "r-1"}
            return httpx.Response(self.status, json=problem)
        if request.url.path.startswith("/faq"):
            return self.respond(self.faq(json.loads(request.content)), "faq", "trained")
        if request.content.startswith(b"GIF"):
            problem = {"detail": "This is not an image.", "code": "invalid_image", "request_id": "r-2"}
            return httpx.Response(422, json=problem)
        return self.respond(self.image(request), "image", "untrained")

    def respond(self, content, model, weights):
        headers = {"x-model-name": model, "x-model-version": "1", "x-model-weights": weights, "x-request-id": "r"}
        return httpx.Response(200, json=content, headers=headers)

    def faq(self, asked):
        count = len(asked["input"])
        rows = ROWS if self.matched else []
        content = {"result": [[rows] * count, "Computed in 1.0 ms"], "matched": [self.matched] * count}
        if asked.get("answers"):
            content["answers"] = [[self.answer, None][: len(rows)]] * count
        if asked.get("explain"):
            told = {"terms": [["port", 1.5], ["a", -0.25]], "other": 0.0, "score": 1.25}
            content["explanations"] = [[told] * len(rows)] * count
        return content

    def image(self, request):
        content = {"result": [{"image": [[self.label, 0.75], ["n2 cat", 0.25]]}, "Computed in 1.0 ms"]}
        if "explain" in request.url.params:
            told = {"class_index": 1, "label": "n1", "probability": 0.75, "method": "occlusion", "grid": [[1.0]]}
            content["explanations"] = {"image": {**told, "heat_map_png": PNG}}
        return content

    @property
    def asked(self):
        return [json.loads(request.content) for request in self.requests]


def lines(result):
    assert result.exit_code == 0, result.stderr
    return [json.loads(line) for line in result.stdout.splitlines()]


def ended(result, code):
    assert result.exit_code == code
    assert result.stdout == ""
    assert result.stderr.count("\n") == 1
    return result.stderr
