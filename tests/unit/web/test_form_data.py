from collections.abc import AsyncIterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.web.form_data import FormData, PartHead, digest_of
from adapters.web.problem_details import RequestError

TYPE = "multipart/form-data; boundary=b0undary"


def body_of(*parts: tuple[str, str | None, bytes], boundary: bytes = b"b0undary") -> bytes:
    written = b""
    for name, file_name, content in parts:
        named = f'form-data; name="{name}"' + ("" if file_name is None else f'; filename="{file_name}"')
        written += (
            b"--" + boundary + b"\r\nContent-Disposition: " + named.encode() + b"\r\n\r\n" + content + b"\r\n"
        )
    return written + b"--" + boundary + b"--\r\n"


async def chunked(body: bytes, size: int) -> AsyncIterator[bytes]:
    for start in range(0, len(body), size):
        yield body[start : start + size]


async def parts_of(form: FormData) -> list[tuple[PartHead, bytes]]:
    found = []
    while (head := await form.next()) is not None:
        found.append((head, b"".join([block async for block in form.content()])))
    return found


@given(content=st.binary(max_size=300), size=st.integers(1, 50))
async def test_parts_are_whole_however_the_body_is_cut(content: bytes, size: int) -> None:
    body = body_of(("collection", None, b"a/b"), ("file", "m.csv", content), ("empty", None, b""))
    if b"b0undary" in content:
        return
    assert await parts_of(FormData(chunked(body, size), TYPE)) == [
        (PartHead("collection", None), b"a/b"),
        (PartHead("file", "m.csv"), content),
        (PartHead("empty", None), b""),
    ]


async def test_what_was_not_read_of_a_part_is_passed_over() -> None:
    form = FormData(chunked(body_of(("one", "1", b"x" * 5000), ("two", None, b"2")), 100), TYPE)
    assert await form.next() == PartHead("one", "1")
    content = form.content()
    assert await anext(content)
    assert await form.next() == PartHead("two", None)
    assert await form.text(10) == "2"
    assert await form.next() is None
    assert await form.next() is None


async def test_the_digest_knows_names_and_contents_but_no_boundary() -> None:
    async def digest(*parts: tuple[str, str | None, bytes], boundary: bytes = b"b0undary") -> bytes:
        body = body_of(*parts, boundary=boundary)
        return await digest_of(FormData(chunked(body, 7), f"{TYPE[:30]}{boundary.decode()}"))

    one = await digest(("file", "m.csv", b"abc"))
    assert one == await digest(("file", "m.csv", b"abc"), boundary=b"another-one")
    others = [
        await digest(("file", "m.csv", b"abd")),
        await digest(("file", "n.csv", b"abc")),
        await digest(("file", None, b"abc")),
        await digest(("fil", "em.csv", b"abc")),
        await digest(("file", "m.csv", b"ab"), ("c", None, b"")),
        await digest(),
    ]
    assert len({one, *others}) == 7


@pytest.mark.parametrize(
    "content_type", ["", "application/json", "text/csv; boundary=b", "multipart/mixed; boundary=b"]
)
async def test_another_content_type_is_a_415(content_type: str) -> None:
    with pytest.raises(RequestError) as refused:
        FormData(chunked(b"", 1), content_type)
    assert (refused.value.status_code, refused.value.code) == (415, "unsupported_media_type")


@pytest.mark.parametrize(
    ("content_type", "body"),
    [
        ("multipart/form-data", b""),
        ("multipart/form-data; boundary=", b""),
        ("multipart/form-data; boundary=" + "x" * 300, b""),
        ("multipart/form-data; boundary=\xe9", b""),
        (TYPE, b""),
        (TYPE, b"no form at all"),
        (TYPE, body_of(("file", "m.csv", b"abc"))[:-6]),
        (TYPE, b"--b0undary\r\nContent-Disposition: attachment\r\n\r\nx\r\n--b0undary--"),
        (TYPE, b"--b0undary\r\nno header\r\n\r\nx\r\n--b0undary--"),
        (TYPE, body_of(("file", "n" * 100_000, b"abc"))),
        (TYPE, body_of(*[("field", None, b"")] * 100)),
    ],
)
async def test_what_is_no_form_is_a_400(content_type: str, body: bytes) -> None:
    with pytest.raises(RequestError) as refused:
        await parts_of(FormData(chunked(body, 1000), content_type))
    assert (refused.value.status_code, refused.value.code) == (400, "malformed_form")


@pytest.mark.parametrize("content", [b"x" * 11, b"\xff\xfe"])
async def test_a_field_is_short_text(content: bytes) -> None:
    form = FormData(chunked(body_of(("field", None, content)), 1000), TYPE)
    await form.next()
    with pytest.raises(RequestError, match="a field"):
        await form.text(10)
