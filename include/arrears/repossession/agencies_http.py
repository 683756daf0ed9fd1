"""Orders and recalls by HTTP: JSON, an idempotency key that the receiver enforces, time limits, a signed body."""

import hashlib
import hmac

from arrears.core.errors import PermanentFailure, TemporaryFailure
from arrears.repossession.agency import Answer, read_answer

CONNECT_SECONDS = 5.0
ANSWER_SECONDS = 15.0
TRY_AGAIN = (408, 409, 425, 429)


class AgencyHttp:
    """An agency's order service at ``url``."""

    def __init__(self, url: str, secret: bytes | None = None) -> None:
        self._url = url.rstrip("/")
        self._secret = secret

    def offer(self, key: str, document: bytes) -> Answer:
        """Post an order; the same key again is the same order."""
        return self._post("/orders", key, document)

    def recall(self, key: str, document: bytes) -> Answer:
        """Post the recall of an order."""
        return self._post(f"/orders/{key}/recall", key, document)

    def _post(self, path: str, key: str, body: bytes) -> Answer:
        import httpx

        limits = httpx.Timeout(ANSWER_SECONDS, connect=CONNECT_SECONDS)
        try:
            reply = httpx.post(
                self._url + path,
                content=body,
                headers=self._headers(key, body),
                timeout=limits,
                verify=self._url.startswith("https:"),  # certificates take longer to load than an order to send
                follow_redirects=False,
            )
        except httpx.HTTPError as error:
            raise TemporaryFailure(f"agency not reached ({type(error).__name__}): it is asked again") from None
        code = reply.status_code
        if code >= 500 or code in TRY_AGAIN:
            raise TemporaryFailure(f"agency answered {code}: it is asked again")
        if code >= 300:
            raise PermanentFailure(f"agency refused with {code}: ask it why, and see ARREARS_AGENCY_URL")
        answer = read_answer(reply.content, key, is_taken=False)
        if answer is None:
            raise TemporaryFailure("agency answered without a JSON object: it is asked again")
        return answer

    def _headers(self, key: str, body: bytes) -> dict[str, str]:
        headers = {"Content-Type": "application/json", "Idempotency-Key": key}
        if self._secret is not None:
            headers["Arrears-Signature"] = "sha256=" + hmac.new(self._secret, body, hashlib.sha256).hexdigest()
        return headers
