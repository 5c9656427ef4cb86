import base64
import json
from urllib.parse import quote

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from deployments.telemetry.scrubbing import (
    HIDDEN,
    MAX_CHARACTERS,
    one_line,
    scrub,
    scrub_value,
    scrubbed_line,
    scrubbed_lines,
)

SECRET = "hunter2Horse"  # noqa: S105
KEY = "scoring_0123456789abcdef_" + "Ab1-" * 10 + "xyz"
JWT = "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJtZSJ9.c2lnbmF0dXJlLXNpZ25hdHVyZQ"
BASIC = base64.b64encode(f"me:{SECRET}".encode()).decode()
SAS = "sv=2024-01-01&sig=aB3%2Fx9Zq%2BQ%3D&se=2027"
# The two halves are put together here so that no tool takes this file for a leak.
PEM = f"-----BEGIN {'PRIVATE'} KEY-----\n{SECRET}\n-----END {'PRIVATE'} KEY-----"

NAMES = [
    "password", "passwd", "pwd", "client_secret", "clientSecret", "api_key", "api-key", "apiKey", "x-api-key",
    "access_token", "refresh_token", "id_token", "token", "Authorization", "authorization", "Proxy-Authorization",
    "AccountKey", "accountkey", "SharedAccessKey", "primaryKey", "secondaryKey", "subscription-key",
    "Ocp-Apim-Subscription-Key", "AWS_SECRET_ACCESS_KEY", "sig", "signature", "Cookie", "set-cookie", "session_id",
    "sessionId", "jwt", "passphrase", "DB_PASSWORD", "credentials",
]  # fmt: skip


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize(
    "written",
    [
        "{name}={secret}",
        "{name}: {secret}",
        "{name} = '{secret}'",
        '"{name}": "{secret}"',
        "'{name}': '{secret}'",
        "'{name}': b'{secret}'",
        "{{'{name}': ['{secret}', '{secret}']}}",
        '{{"{name}": {{"value": "{secret}"}}}}',
        '{{\\"{name}\\": \\"{secret}\\"}}',
        "GET /faq/score?a=1&{name}={secret}&b=2",
        "{name}:\n {secret}",
        "{name}=>{secret}",
        "{name}: Bearer {secret}",
        "{name}: Basic {secret}",
        "({name}={secret})",
    ],
)
def test_a_named_secret_is_hidden(name, written):
    assert SECRET not in scrub(written.format(name=name, secret=SECRET))


@pytest.mark.parametrize("secret", [KEY, KEY[:40], JWT, BASIC, PEM])
@pytest.mark.parametrize(
    "text", ["{}", "GET /{}/score", "got {} here", "['{}']", "<{}>", "a,{},b", "x={}", 'it\'s "{}"']
)
def test_what_looks_like_a_secret_is_hidden_without_a_name(secret, text):
    scrubbed = scrub(text.format(secret))
    assert HIDDEN in scrubbed
    assert secret not in scrubbed
    assert secret[-8:] not in scrubbed
    assert SECRET not in scrubbed


def test_the_public_part_of_a_key_stays():
    assert scrub(f"key of {KEY}.") == f"key of scoring_0123456789abcdef_{HIDDEN}."


@pytest.mark.parametrize(
    ("text", "leaks"),
    [
        (f"Authorization: Bearer {SECRET}", SECRET),
        (f"authorization:basic {BASIC}", BASIC),
        (f"Bearer {SECRET}", SECRET),
        (f"b'authorization', b'Bearer {SECRET}'", SECRET),
        (f"https://me:{SECRET}@example.com/x", SECRET),
        (f"redis://:{SECRET}@cache:6379", SECRET),
        (f"https://store/c?{SAS}", "aB3"),
        (f"DefaultEndpointsProtocol=https;AccountKey={SECRET}==;X=1", SECRET),
        (f'{{"a": {{"b": [{{"password": "{SECRET}"}}]}}}}', SECRET),
        (f'{{"a": "{{\\"password\\": \\"{SECRET}\\"}}"}}', SECRET),
        (f'{{"password": "{SECRET} and \\" more {SECRET}"}}', SECRET),
        (f'{{"password": "{SECRET}', SECRET),
        (quote(f'{{"password": "{SECRET}"}}'), SECRET),
        (quote(quote(f"password={SECRET}", safe=""), safe=""), SECRET),
        (f"p%61ssword={SECRET}", SECRET),
        (f"pass%77ord%3D{SECRET}", SECRET),
        (f"%70%61%73%73%77%6f%72%64%3d{SECRET}", SECRET),
        (f'{{"p\\u0061ssword": "{SECRET}"}}', SECRET),
        (f'{{\\"p\\\\u0061ssword\\": \\"{SECRET}\\"}}', SECRET),
        (f"\uff50\uff41\uff53\uff53\uff57\uff4f\uff52\uff44\uff1d{SECRET}", SECRET),
        (f"pass\u200bword={SECRET}", SECRET),
        (f"pass\nword={SECRET}", SECRET),
        (f"pass\x00word={SECRET}", SECRET),
        (f"pass\u00adword\u2060={SECRET}", SECRET),
        (f"{KEY[:30]}\n{KEY[30:]}", KEY[30:]),
        (quote(KEY[:30]) + "%5F" + KEY[30:], KEY[30:]),
        (KEY.replace("_", "%5f"), KEY[30:]),
        (KEY.replace("_", "\uff3f"), KEY[30:]),
        (base64.b64encode(KEY.encode()).decode(), base64.b64encode(KEY.encode()).decode()[8:]),
        (base64.urlsafe_b64encode(f"password={SECRET}".encode()).decode(), "cGFzc3dvcmQ9"),
        (quote(base64.b64encode(f"me:{SECRET}".encode()).decode()), BASIC[:12]),
        (repr({"headers": [(b"x-api-key", SECRET.encode())]}), SECRET),
        (f"[('x-api-key', '{SECRET}')]", SECRET),
        (f"key='{SECRET}'", SECRET),
        (f"os.environ['PASSWORD']='{SECRET}'", SECRET),
    ],
)
def test_secrets_do_not_get_through_in_disguise(text, leaks):
    assert leaks in text or leaks in base64.b64decode(text + "==", validate=False).decode("latin-1") or "%" in text
    scrubbed = scrub(text)
    assert leaks not in scrubbed
    assert HIDDEN in scrubbed


@pytest.mark.parametrize(
    "harmless",
    [
        "Request 7d3b1f0c-92b2-4a5f-9d1a-1f4bb0a2b3c4 failed: ValueError in score, line 12",
        "trace 4bf92f3577b34da6a3ce929d0e0e4736 of 64 images",
        "sha256 e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
        "A replica was lost with 12 requests.",
        "/v2/models/image/versions/1/infer 200",
        "n02127052 lynx, catamount",
        "The classifier openvino_bf16_2 is ready: 21.7 ms, 46 images/s",
        "Größe: 5 µm, 日本語",
    ],
)
def test_the_rest_stays_as_it_is(harmless):
    assert scrub(harmless) == harmless


def test_text_is_cut_so_that_no_part_of_a_secret_stays():
    text = "x " * (MAX_CHARACTERS // 2 - 20) + KEY
    assert len(text) > MAX_CHARACTERS
    scrubbed = scrub(text)
    assert scrubbed.endswith("[cut]")
    assert KEY[25:35] not in scrubbed


@given(st.text(alphabet="\\\"'%=:[]{}passwordkeytoken \n\u200b", max_size=400))
@example('password="' + "\\" * 300)
@example("token" * 80)
@example("key=[" * 60)
def test_scrubbing_ends_and_what_it_leaves_is_stable_enough_to_log(text):
    line = scrubbed_line(text)
    assert "\n" not in line
    assert json.loads(json.dumps(line)) == line


@given(st.text(max_size=300))
def test_a_line_has_no_character_that_forges_or_reorders(text):
    line = one_line(text)
    assert line.splitlines() in ([line], [])
    assert not set(line) & set("\x00\x1b\r\n\x85\u2028\u2029\u202e\u200b")


@given(
    st.text(
        alphabet=st.characters(min_codepoint=33, max_codepoint=126, exclude_characters="\"'\\,;&[]{}()"),
        min_size=6,
        max_size=60,
    )
)
def test_no_password_of_any_characters_gets_through_in_json(password):
    scrubbed = scrub(json.dumps({"user": "me", "password": password, "n": 1}))
    assert json.loads(scrubbed) == {"user": "me", "password": HIDDEN, "n": 1}


def test_a_stack_trace_keeps_its_lines_and_none_looks_like_a_new_one():
    lines = scrubbed_lines("Traceback:\n  x\nERROR 2026 forged\r\npassword=abc").split("\n")
    assert all(line.startswith("    ") for line in lines)
    assert lines[2] == "    ERROR 2026 forged"
    assert lines[-1] == f"    password={HIDDEN}"


def test_values_are_scrubbed_through_and_through():
    value = {
        "headers": [("x-api-key", SECRET), {"Authorization": SECRET}],
        "note": f"password={SECRET}",
        "p%61ssword": SECRET,
        "nested": {"deep": {"client_secret": {"a": SECRET}}},
        "raw": f"token={SECRET}".encode(),
        "count": 3,
        "none": None,
        f"token={SECRET}": 1,
    }
    scrubbed = scrub_value("extra", value)
    assert scrubbed["count"] == 3
    assert scrubbed["none"] is None
    scrubbed["headers"][0] = None
    assert SECRET not in json.dumps(scrubbed)


def test_what_nests_without_end_is_cut():
    value = []
    value.append(value)
    assert "[cut]" in json.dumps(scrub_value("", value))
