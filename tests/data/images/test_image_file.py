import contextlib
import io
import struct
import zlib

import numpy as np
import pytest
from PIL import Image, ImageFile, ImageOps

from gnnvision.data.images.image_file import InvalidImage, decode_image, image_size

from . import made

COLOR = made.pixels(size=(10, 12))
GRAY = made.pixels(size=(10, 12), channels=1)


@pytest.mark.parametrize(
    ("form", "ending"),
    [("PNG", "png"), ("BMP", "bmp"), ("WEBP", "webp"), ("TIFF", "tif"), ("PPM", "ppm")],
)
def test_lossless_formats_give_the_very_pixels(form, ending):
    options = {"lossless": True} if form == "WEBP" else {}
    picture = decode_image(made.encoded(COLOR, form, **options), f"x.{ending}")
    np.testing.assert_array_equal(picture.pixels, COLOR)
    assert picture.notes == ()


def test_jpeg_is_near():
    picture = decode_image(made.encoded(COLOR, "JPEG", quality=95, subsampling=0), "a/X.JPEG")
    assert np.abs(picture.pixels.astype(int) - COLOR).mean() < 4
    assert picture.pixels.flags.c_contiguous


def test_gray_stays_gray():
    picture = decode_image(made.encoded(GRAY), "x.png")
    np.testing.assert_array_equal(picture.pixels[:, :, 0], GRAY)
    one_bit = decode_image(made.encoded(Image.fromarray(GRAY).convert("1")), "x.png")
    assert set(np.unique(one_bit.pixels)) <= {0, 255}


def kinds(picture):
    return [kind for kind, _ in picture.notes]


def test_16_bit_gray_is_scaled():
    deep = np.array([[0, 257], [32896, 65535]], dtype=np.uint16)
    for form, ending in (("PNG", "png"), ("TIFF", "tif")):
        picture = decode_image(made.encoded(deep, form), f"x.{ending}")
        assert picture.pixels[:, :, 0].tolist() == [[0, 1], [128, 255]]
        assert kinds(picture) == ["16-bit"]


def test_16_bit_color_is_scaled():
    import zlib

    rows = b"".join(b"\0" + struct.pack(">6H", 0, 256, 65535, 512, 1024, 40000) for _ in range(2))
    chunks = (
        (b"IHDR", struct.pack(">IIBBBBB", 2, 2, 16, 2, 0, 0, 0)),
        (b"IDAT", zlib.compress(rows)),
        (b"IEND", b""),
    )
    data = b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))
        for name, body in chunks
    )
    picture = decode_image(data, "x.png")
    assert picture.pixels[0].tolist() == [[0, 1, 255], [2, 4, 156]]
    assert kinds(picture) == ["16-bit"]


def test_palette():
    image = Image.fromarray(COLOR).quantize(16)
    picture = decode_image(made.encoded(image), "x.png")
    np.testing.assert_array_equal(picture.pixels, np.asarray(image.convert("RGB")))
    assert kinds(picture) == ["palette"]


@pytest.mark.parametrize("mode", ["RGBA", "LA"])
def test_alpha_is_laid_on_white(mode):
    image = Image.fromarray(COLOR).convert("RGB" if mode == "RGBA" else "L")
    image.putalpha(0)
    clear = decode_image(made.encoded(image), "x.png")
    assert (clear.pixels == 255).all()
    assert clear.pixels.shape[2] == (3 if mode == "RGBA" else 1)
    assert kinds(clear) == ["alpha"]
    image.putalpha(255)
    opaque = decode_image(made.encoded(image), "x.png").pixels
    np.testing.assert_array_equal(
        opaque.squeeze(), np.asarray(image.convert("RGB" if mode == "RGBA" else "L"))
    )


def test_a_transparent_palette_color_is_white():
    image = Image.fromarray(COLOR).quantize(4)
    data = made.encoded(image, transparency=0)
    picture = decode_image(data, "x.png")
    assert (picture.pixels[np.asarray(image) == 0] == 255).all()
    assert kinds(picture) == ["palette", "alpha"]


def test_cmyk_is_converted():
    image = Image.new("CMYK", (4, 4), (0, 255, 255, 0))  # red
    picture = decode_image(made.encoded(image, "TIFF"), "x.tif")
    assert picture.pixels[0, 0].tolist() == [255, 0, 0]
    assert kinds(picture) == ["CMYK"]
    jpeg = decode_image(made.encoded(image, "JPEG"), "x.jpg")
    assert np.abs(jpeg.pixels[0, 0].astype(int) - [255, 0, 0]).max() < 12


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize(
    ("form", "ending"),
    [("JPEG", "jpg"), ("PNG", "png"), ("TIFF", "tif"), ("WEBP", "webp"), ("MPO", "jpg")],
)
def test_exif_orientation_is_undone(orientation, form, ending):
    exif = Image.Exif()
    exif[0x0112] = orientation
    more = {"save_all": True, "append_images": [Image.fromarray(GRAY)]} if form == "MPO" else {}
    data = made.encoded(COLOR, form, exif=exif, **more)
    upright = np.asarray(ImageOps.exif_transpose(Image.open(io.BytesIO(data))))
    picture = decode_image(data, f"x.{ending}")
    np.testing.assert_array_equal(picture.pixels, upright)
    assert kinds(picture)[:1] == ([] if orientation == 1 else ["rotated"]) or form == "MPO"
    assert ("rotated" in kinds(picture)) == (orientation != 1)
    assert image_size(data) == picture.pixels.shape[:2]


XMP = b"""<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF
xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#"><rdf:Description
xmlns:tiff="http://ns.adobe.com/tiff/1.0/" tiff:Orientation="6"/></rdf:RDF></x:xmpmeta>"""


@pytest.mark.parametrize(("form", "ending"), [("JPEG", "jpg"), ("WEBP", "webp"), ("TIFF", "tif")])
def test_the_orientation_of_xmp_is_undone_where_exif_has_none(form, ending):
    options = {"tiffinfo": {700: XMP}} if form == "TIFF" else {"xmp": XMP}
    data = made.encoded(COLOR, form, **options)
    upright = np.asarray(ImageOps.exif_transpose(Image.open(io.BytesIO(data))))
    assert upright.shape == (12, 10, 3)
    picture = decode_image(data, f"x.{ending}")
    np.testing.assert_array_equal(picture.pixels, upright)
    assert kinds(picture) == ["rotated"]
    assert image_size(data) == (12, 10)


def png(depth, color, row, *chunks, before=True):
    """A PNG of two equal rows, with chunks before or after the pixels."""
    width = len(row) * 8 // (depth * {0: 1, 2: 3}[color])
    head = (b"IHDR", struct.pack(">IIBBBBB", width, 2, depth, color, 0, 0, 0))
    body = (b"IDAT", zlib.compress((b"\0" + row) * 2))
    inner = (*chunks, body) if before else (body, *chunks)
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))
        for name, data in (head, *inner, (b"IEND", b""))
    )


def test_an_orientation_behind_the_pixels_of_a_png():
    exif = Image.Exif()
    exif[0x0112] = 8
    block = exif.tobytes().removeprefix(b"Exif\0\0")
    data = png(8, 0, bytes(range(0, 250, 50)), (b"eXIf", block), before=False)
    assert decode_image(data, "x.png").pixels[:, 0, 0].tolist() == [200, 150, 100, 50, 0]
    assert image_size(data) == (5, 2)


@pytest.mark.parametrize(
    ("depth", "row", "clear", "expected"),
    [
        (1, b"\x50", 1, [0, 255, 0, 255, 0, 0, 0, 0]),
        (2, b"\x1b", 2, [0, 85, 255, 255]),
        (4, b"\x05\xaf", 10, [0, 85, 255, 255]),
        (8, bytes([0, 10, 200, 250]), 200, [0, 10, 255, 250]),
        (16, struct.pack(">4H", 0, 300, 40000, 61360), 40000, [0, 1, 255, 239]),
        (16, struct.pack(">4H", 0, 300, 40000, 61360), 7, [0, 1, 156, 239]),
    ],
)
def test_gray_with_a_transparent_value_is_scaled_and_laid_on_white(depth, row, clear, expected):
    picture = decode_image(png(depth, 0, row, (b"tRNS", struct.pack(">H", clear))), "x.png")
    assert picture.pixels[0, :, 0].tolist() == expected
    assert kinds(picture) == (["16-bit", "alpha"] if depth == 16 else ["alpha"])


def test_16_bit_color_with_a_transparent_value():
    row, clear = struct.pack(">6H", 0, 256, 65535, 512, 1024, 40000), (512, 1024, 40000)
    picture = decode_image(png(16, 2, row, (b"tRNS", struct.pack(">3H", *clear))), "x.png")
    assert picture.pixels[0].tolist() == [[0, 1, 255], [255, 255, 255]]
    assert kinds(picture) == ["16-bit", "alpha"]


def test_the_note_on_16_bits_says_what_values_there_were():
    deep = np.array([[0, 300], [4000, 4095]], dtype=np.uint16)
    picture = decode_image(made.encoded(deep), "x.png")
    assert picture.pixels[:, :, 0].tolist() == [[0, 1], [16, 16]]
    assert picture.notes == (("16-bit", "scaled to 8 bits; values 0 to 4095 of 65535"),)


def test_a_16_bit_tiff_in_which_0_is_white():
    deep = np.array([[0, 257], [32896, 65535]], dtype=np.uint16)
    data = made.encoded(Image.fromarray(deep), "TIFF", tiffinfo={262: 0})
    assert decode_image(data, "x.tif").pixels[:, :, 0].tolist() == [[255, 254], [127, 0]]


@pytest.mark.parametrize(
    ("data", "expected", "found"),
    [
        (
            b"P5 2 2 1023\n" + struct.pack(">4H", 0, 512, 1000, 1023),
            [0, 128, 249, 255],
            ["16-bit"],
        ),
        (b"P5 2 2 15\n" + bytes([0, 5, 10, 15]), [0, 85, 170, 255], []),
        (b"P6 2 2 65535\n" + struct.pack(">12H", *([300] * 12)), [1] * 12, ["16-bit"]),
        (b"P6 2 2 255\n" + bytes([7] * 12), [7] * 12, []),
    ],
)
def test_pnm_of_any_depth(data, expected, found):
    picture = decode_image(data, "x.pnm")
    assert picture.pixels.flatten().tolist() == expected
    assert kinds(picture) == found


@pytest.mark.parametrize("form", ["TIFF", "MPO"])
def test_of_several_images_the_first(form):
    pages = [Image.fromarray(made.pixels(seed)) for seed in range(3)]
    data = made.encoded(pages[0], form, save_all=True, append_images=pages[1:])
    picture = decode_image(data, "x.tif" if form == "TIFF" else "x.jpg")
    assert np.abs(picture.pixels.astype(int) - np.asarray(pages[0])).mean() < 6
    assert picture.notes == (("several images", "the first is used"),)


def test_a_broken_second_frame_does_not_matter():
    frames = [Image.fromarray(made.pixels(seed)).quantize(8) for seed in range(2)]
    data = made.encoded(frames[0], "GIF", save_all=True, append_images=frames[1:])
    begin = data.index(b"\x21\xf9", 20 + data.index(b"\x2c"))  # what controls the second
    damaged = data[:begin] + b"\x21\xf9\xff\xff"
    whole, picture = decode_image(data, "x.gif"), decode_image(damaged, "x.gif")
    np.testing.assert_array_equal(picture.pixels, whole.pixels)


@pytest.mark.parametrize("ending", ["jfif", "jpe", "jfi", "jif", "pjpeg", "JFIF", "jpeg"])
def test_endings_of_jpeg(ending):
    assert decode_image(made.encoded(COLOR, "JPEG"), f"x.{ending}").notes == ()


@pytest.mark.parametrize(
    ("data", "name"),
    [
        (b"\0\0\0\x18ftypheic\0\0\0\0mif1heic", "HEIC"),
        (b"\0\0\0\x1cftypavif\0\0\0\0avifmif1", "AVIF"),
        (b"8BPS\0\1", "PSD"),
        (b'<?xml version="1.0"?>\n<svg xmlns="x">', "SVG"),
        (b"\0\0\0\x0cjP  \r\n", "JPEG 2000"),
    ],
)
def test_formats_that_are_not_read_are_named(data, name):
    with pytest.raises(InvalidImage, match=f"{name} is not supported; convert it") as caught:
        decode_image(data, "x.jpg")
    assert caught.value.kind == "unsupported"


def test_of_an_animation_the_first_frame():
    frames = [Image.fromarray(made.pixels(seed)).quantize(8) for seed in range(3)]
    data = made.encoded(frames[0], "GIF", save_all=True, append_images=frames[1:])
    picture = decode_image(data, "x.gif")
    assert "animated" in kinds(picture)
    first = np.asarray(frames[0].convert("RGB")).astype(int)
    assert np.abs(picture.pixels - first).max() < 3


def test_another_ending_than_the_format_is_noted():
    picture = decode_image(made.encoded(COLOR, "PNG"), "a/x.jpg")
    assert picture.notes == (("wrong extension", "is PNG"),)
    np.testing.assert_array_equal(picture.pixels, COLOR)


JPEG = made.encoded(made.pixels(size=(40, 50)), "JPEG")
PNG = made.encoded(made.pixels(size=(40, 50)), "PNG")


@pytest.mark.parametrize(
    ("data", "kind", "reason"),
    [
        (b"", "empty file", "0 bytes"),
        (b"hello, this is text", "not an image", "begins with b'hello, this is t'"),
        (b"GIF89a", "broken|not an image", "."),
        (JPEG[: len(JPEG) // 2], "truncated", "[Tt]runcated"),
        (PNG[: len(PNG) // 2], "truncated|broken", "."),
        (PNG[:-30] + bytes(30), "broken|truncated", "."),
        (made.huge_png(), "oversized", "900000000 pixels"),
        (made.encoded(made.pixels(size=(1, 1))), "tiny", "1 x 1 pixels"),
        (made.encoded(made.pixels(size=(1, 9))), "tiny", "1 x 9 pixels"),
        (made.encoded(Image.new("F", (4, 4)), "TIFF"), "unsupported", "mode 'F'"),
        (b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 5 5\n", "not an image", "begins"),
    ],
)
@pytest.mark.filterwarnings("ignore:Image size")
def test_files_that_cannot_be_used(data, kind, reason):
    with pytest.raises(InvalidImage, match=reason) as caught:
        decode_image(data, "x.jpg")
    assert caught.value.kind in kind.split("|")


def test_the_limit_of_pixels_is_met_before_decoding(monkeypatch):
    def load(self):
        raise AssertionError("decoded")

    monkeypatch.setattr(ImageFile.ImageFile, "load", load)
    with pytest.raises(InvalidImage, match="40 x 50 pixels, the limit is 1999") as caught:
        decode_image(PNG, "x.png", max_pixels=1999)
    assert caught.value.kind == "oversized"


def _several(seed):
    return {"save_all": True, "append_images": [Image.fromarray(made.pixels(seed))]}


def many_formats():
    exif = Image.Exif()
    exif[0x0112] = 6
    image = Image.fromarray(COLOR)
    yield "JPEG", made.encoded(image, "JPEG", exif=exif)
    yield "CMYK", made.encoded(image.convert("CMYK"), "JPEG")
    yield "MPO", made.encoded(COLOR, "MPO", exif=exif, **_several(1))
    yield "PNG", made.encoded(image.quantize(8), "PNG", transparency=0)
    yield "PNG 16", made.encoded(GRAY.astype(np.uint16) * 257, "PNG")
    yield (
        "GIF",
        made.encoded(image.quantize(8), "GIF", save_all=True, append_images=[image.quantize(4)]),
    )
    yield "BMP", made.encoded(image, "BMP")
    yield "PPM", made.encoded(image, "PPM")
    for compression in (None, "tiff_lzw", "jpeg", "tiff_adobe_deflate"):
        yield "TIFF", made.encoded(image, "TIFF", compression=compression, exif=exif)
    yield "TIFF", made.encoded(COLOR, "TIFF", **_several(2))
    yield "WEBP", made.encoded(COLOR, "WEBP", exif=exif, **_several(3))


@pytest.mark.parametrize(("form", "whole"), list(many_formats()))
def test_random_damage_is_never_more_than_a_bad_picture(form, whole):
    rng = np.random.default_rng(len(whole))
    for number in range(150):
        data = bytearray(whole)
        # What stands in the head decides more than pixels do.
        for place in rng.integers(0, len(data) if number % 3 else min(len(data), 150), 4):
            data[place] = rng.integers(256)
        damaged = bytes(data if number % 10 else data[: rng.integers(len(data))])
        for look in (decode_image, measure_named):
            with contextlib.suppress(InvalidImage):
                look(damaged, "x.jpg", 10**6)


def measure_named(data, name, max_pixels):
    return image_size(data, max_pixels)


ERRORS = [struct.error, KeyError, ZeroDivisionError, MemoryError, OverflowError, RecursionError]


@pytest.mark.parametrize("error", [*ERRORS, SyntaxError, AssertionError, OSError])
def test_whatever_pillow_raises_is_the_fault_of_the_file(monkeypatch, error):
    def load(self):
        raise error("odd")

    monkeypatch.setattr(ImageFile.ImageFile, "load", load)
    with pytest.raises(InvalidImage, match="odd") as caught:
        decode_image(PNG, "x.png")
    assert caught.value.kind == "broken"


def test_the_former_names_can_be_imported():
    from gnnvision.data.images import image_file, picture

    assert picture.decode_picture is image_file.decode_image
    assert picture.measure_picture is image_file.image_size
    assert picture.BadPicture is image_file.InvalidImage
