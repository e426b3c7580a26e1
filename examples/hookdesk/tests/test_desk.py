"""The desk, called as a WSGI server calls it."""

import unittest

from werkzeug.test import Client, create_environ, run_wsgi_app

from hookdesk import Delivery, Desk, sign

OLD, NEW = b"old secret", b"new secret"
BODY = b'{"order": 7}'


class DeskTest(unittest.TestCase):
    def setUp(self) -> None:
        self.deliveries: list[Delivery] = []
        self.desk = Desk([NEW, OLD], self.deliveries.append)
        self.client = Client(self.desk)

    def post(self, body: bytes = BODY, signature: str | None = None) -> int:
        headers = {"X-Hook-Event": "order.paid"}
        if signature is not None:
            headers["X-Hook-Signature-256"] = signature
        return self.client.post("/", data=body, headers=headers).status_code

    def post_length(self, length: str | None) -> int:
        environ = create_environ(method="POST")
        environ.pop("CONTENT_LENGTH", None)
        if length is not None:
            environ["CONTENT_LENGTH"] = length
        _, status, _ = run_wsgi_app(self.desk, environ)
        return int(status.split()[0])

    def test_a_genuine_call_is_delivered(self) -> None:
        self.assertEqual(self.post(signature=sign(NEW, BODY)), 204)
        self.assertEqual(self.deliveries, [Delivery("order.paid", {"order": 7})])

    def test_the_old_secret_still_counts(self) -> None:
        self.assertEqual(self.post(signature=sign(OLD, BODY)), 204)

    def test_wrong_and_missing_signatures_are_refused(self) -> None:
        for signature in (None, "", "sha256=", "sha256=é", sign(b"another", BODY)):
            with self.subTest(signature=signature):
                self.assertEqual(self.post(signature=signature), 401)
        self.assertEqual(self.deliveries, [])

    def test_a_changed_body_is_refused(self) -> None:
        self.assertEqual(self.post(b'{"order": 8}', sign(NEW, BODY)), 401)

    def test_signed_rubbish_is_a_bad_request(self) -> None:
        self.assertEqual(self.post(b"{", sign(NEW, b"{")), 400)

    def test_only_post_is_allowed(self) -> None:
        answer = self.client.get("/")
        self.assertEqual((answer.status_code, answer.headers["Allow"]), (405, "POST"))

    def test_a_long_body_is_not_read(self) -> None:
        self.assertEqual(self.post_length(str(2**20 + 1)), 413)

    def test_the_length_is_required(self) -> None:
        self.assertEqual(self.post_length(None), 411)

    def test_a_desk_without_a_secret_is_refused(self) -> None:
        for secrets in ([], [b""]):
            with self.subTest(secrets=secrets), self.assertRaises(ValueError):
                Desk(secrets, print)


if __name__ == "__main__":
    unittest.main()
