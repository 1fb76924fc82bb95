"""What of the texts is kept, as `privacy.bodies` says."""

from dataclasses import dataclass

from config.model import Privacy
from proxy.recorder.comparison import tool_calls_json
from proxy.recorder.redaction import Redactor
from proxy.shadow.capture.frames import Admitted
from proxy.wire.body import unpacked
from proxy.wire.dialect import Answer
from proxy.wire.errors import WireError


@dataclass(frozen=True, slots=True)
class Texts:
    """Texts of one side of one request."""

    request: str
    response: str
    reasoning: str
    tool_calls: str

    def size(self) -> int:
        """Roughly, in bytes."""
        return len(self.request) + len(self.response) + len(self.reasoning) + len(self.tool_calls)


class TextKeeper:
    """Full, redacted, or none."""

    def __init__(self, privacy: Privacy) -> None:
        self.keeps = privacy.bodies != "none"
        self._redactor = Redactor(privacy.redact if privacy.bodies == "redacted" else ())
        self._whole = privacy.bodies == "full"

    def keep(self, request: bytes, answer: Answer) -> Texts:
        """The texts as they may be stored. `request` is empty for a candidate: `pairs.changed` names the difference."""
        response = answer.text if answer.text is not None else answer.partial_text or ""
        calls = tool_calls_json(answer.tool_calls)
        if self._whole:
            return Texts(request.decode("utf-8", "replace"), response or answer.refusal, answer.reasoning, calls)
        clean = self._redactor
        return Texts(
            clean.json(request) if request else "",
            clean.text(response or answer.refusal),
            clean.text(answer.reasoning),
            clean.json(calls.encode()) if calls else "",
        )


def request_body(admitted: Admitted) -> bytes:
    """The request body, unpacked; as it came where that fails."""
    encoding = next((value for name, value in admitted.headers if name == b"content-encoding"), b"")
    if not encoding:
        return admitted.body
    try:
        return unpacked(admitted.body, encoding)
    except WireError:
        return admitted.body
