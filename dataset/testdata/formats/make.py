"""Makes the files of this folder: small images of every kind that oscar reads or
refuses, and the pixels that Pillow, with libjpeg-turbo, libwebp and libtiff, reads
from them.

    python3 make.py        # with pillow==11.3.0, imagecodecs, tifffile and numpy

index.json lists them. "kind" stands in the table of docs/formats.md. A file is either
"refused" with these words, or has pixels within "tolerance" of those of FILE.png.
"""

import io
import json
import os

import imagecodecs
import numpy
import tifffile
from PIL import Image, ImageDraw, features

HERE = os.path.dirname(os.path.abspath(__file__))
WIDTH, HEIGHT = 37, 29
index = []


def photo(width=WIDTH, height=HEIGHT):
    """Saturated colors with sharp edges over a gradient, and some noise."""
    y, x = numpy.mgrid[0:height, 0:width]
    a = numpy.stack([255 * x / width, 255 * y / height, 255 - 255 * (x + y) / (width + height)], -1)
    a[(x // 5 + y // 7) % 3 == 0] = (230, 30, 40)
    a[(x // 7 + y // 5) % 4 == 1] = (30, 60, 220)
    a += numpy.random.default_rng(1).normal(0, 6, a.shape)
    return Image.fromarray(numpy.clip(a, 0, 255).astype(numpy.uint8))


def gray16():
    y, x = numpy.mgrid[0:HEIGHT, 0:WIDTH]
    return ((x * 1700 + y * 900 + 77) % 65536).astype(numpy.uint16)


def transparent():
    a = numpy.dstack([numpy.asarray(photo()), numpy.arange(WIDTH * HEIGHT).reshape(HEIGHT, WIDTH) * 7 % 256])
    return Image.fromarray(a.astype(numpy.uint8))


def over_white(image):
    if image.mode in ("RGBA", "LA", "PA", "P"):
        rgba = numpy.asarray(image.convert("RGBA")).astype(float)
        alpha = rgba[..., 3:] / 255
        return Image.fromarray(numpy.rint(rgba[..., :3] * alpha + 255 * (1 - alpha)).astype(numpy.uint8))
    return image.convert("RGB")


def saved(image, form, **options):
    out = io.BytesIO()
    image.save(out, form, **options)
    return out.getvalue()


def read(name, kind, data, tolerance=0, pixels=None):
    """A file that is read. pixels: where Pillow is not the judge, because it clips 16 bits."""
    write(name, data)
    if pixels is None:
        pixels = over_white(Image.open(io.BytesIO(data)))
    pixels.save(os.path.join(HERE, name + ".png"), optimize=True)
    index.append({"file": name, "kind": kind, "tolerance": tolerance})


def refused(name, kind, data, words):
    write(name, data)
    index.append({"file": name, "kind": kind, "refused": words})


def write(name, data):
    with open(os.path.join(HERE, name), "wb") as f:
        f.write(data)


def jpeg():
    kinds = {"444": 0, "422": 1, "420": 2}
    for name, subsampling in kinds.items():
        for form in ("sequential", "progressive"):
            data = saved(photo(), "JPEG", quality=90, subsampling=subsampling, progressive=form == "progressive")
            read(f"jpeg-{name}-{form}.jpg", f"{form}", data, 3)
    for subsampling in ("440", "411"):
        data = imagecodecs.jpeg8_encode(numpy.asarray(photo()), level=90, subsampling=subsampling)
        read(f"jpeg-{subsampling}.jpg", "sequential", data, 3)
    for width in (1, 2, 3, 4, 5):
        read(f"jpeg-420-{width}-wide.jpg", "sequential", saved(photo(width, 3), "JPEG", quality=90, subsampling=2), 3)
    read("jpeg-gray.jpg", "gray", saved(photo().convert("L"), "JPEG", quality=90), 2)
    read("jpeg-restarts.jpg", "sequential", saved(photo(), "JPEG", quality=90, restart_marker_blocks=1), 3)
    # Blocks of one color: the inverse cosine transform is exact, and what is left
    # are the interpolation and the conversion.
    for name, subsampling in kinds.items():
        a = numpy.random.default_rng(2).integers(0, 256, (4, 5, 3)).astype(numpy.uint8)
        blocks = Image.fromarray(a.repeat(16, 0).repeat(16, 1)[:61, :75])
        read(f"jpeg-{name}-blocks.jpg", "sequential", saved(blocks, "JPEG", quality=100, subsampling=subsampling), 0)
    cmyk = Image.merge("CMYK", [*photo().split(), photo().convert("L").point(lambda v: v // 3)])
    adobe = saved(cmyk, "JPEG", quality=95, subsampling=0)
    read("jpeg-cmyk-adobe.jpg", "CMYK", adobe, 3)
    at = adobe.index(b"\xff\xee")
    read("jpeg-cmyk.jpg", "CMYK", adobe[:at] + adobe[at + 16 :], 3)
    whole = saved(photo(), "JPEG", quality=90, subsampling=0)
    exif = Image.Exif()
    exif[0x0112] = 6
    turned = saved(photo(), "JPEG", quality=90, subsampling=0, exif=exif)
    from PIL import ImageOps

    read("jpeg-turned.jpg", "EXIF orientation", turned, 3, ImageOps.exif_transpose(Image.open(io.BytesIO(turned))))
    sof = whole.index(b"\xff\xc0")
    for marker, kind in ((0xC3, "lossless"), (0xC5, "hierarchical"), (0xC9, "arithmetic coding")):
        refused(f"jpeg-{kind.split()[0]}.jpg", kind, whole[: sof + 1] + bytes([marker]) + whole[sof + 2 :], kind)
    refused("jpeg-12-bits.jpg", "12 bits a sample", whole[: sof + 4] + b"\x0c" + whole[sof + 5 :], "12 bits a sample")


def webp():
    for quality in (5, 80):
        read(f"webp-lossy-{quality}.webp", "lossy", saved(photo(), "WEBP", quality=quality))
    for width, height in ((1, 1), (2, 3), (3, 2), (38, 30)):
        read(f"webp-lossy-{width}x{height}.webp", "lossy", saved(photo(width, height), "WEBP", quality=90))
    read("webp-lossless.webp", "lossless", saved(photo(), "WEBP", lossless=True))
    read("webp-lossy-alpha.webp", "transparent", saved(transparent(), "WEBP", quality=80), 1)
    read("webp-lossless-alpha.webp", "transparent", saved(transparent(), "WEBP", lossless=True), 1)
    frames = [photo(), photo().transpose(Image.Transpose.FLIP_LEFT_RIGHT)]
    read("webp-animated.webp", "animated", saved(frames[0], "WEBP", save_all=True, append_images=frames[1:], quality=80))
    small = Image.new("RGBA", (WIDTH, HEIGHT), (0, 0, 0, 0))
    small.paste(photo(20, 10), (6, 8))
    read("webp-animated-part.webp", "animated", saved(small, "WEBP", save_all=True, append_images=[transparent()], lossless=True), 1)


def tiff():
    for compression in ("raw", "tiff_lzw", "tiff_adobe_deflate", "tiff_deflate", "packbits"):
        kind = {"raw": "uncompressed", "tiff_lzw": "LZW", "packbits": "PackBits"}.get(compression, "Deflate")
        read(f"tiff-{compression}.tif", kind, saved(photo(), "TIFF", compression=compression))
    read("tiff-predictor.tif", "LZW", saved(photo(), "TIFF", compression="tiff_lzw", tiffinfo={317: 2}))
    read("tiff-predictor-deflate.tif", "Deflate", saved(photo(), "TIFF", compression="tiff_adobe_deflate", tiffinfo={317: 2}))
    read("tiff-gray.tif", "gray", saved(photo().convert("L"), "TIFF"))
    read("tiff-gray-white-is-zero.tif", "gray", saved(photo().convert("L"), "TIFF", tiffinfo={262: 0}))
    read("tiff-palette.tif", "palette", saved(photo().quantize(50), "TIFF"))
    read("tiff-alpha.tif", "transparent", saved(transparent(), "TIFF"), 1)
    bits = photo().convert("1")
    read("tiff-bits.tif", "two colors", saved(bits, "TIFF"))
    for compression in ("group3", "group4"):
        for photometric, name in ((0, "white"), (1, "black")):
            data = saved(bits, "TIFF", compression=compression, tiffinfo={262: photometric})
            read(f"tiff-{compression}-{name}-is-zero.tif", "CCITT Group " + compression[-1], data)
    for name, options in (("tiled", {"tile": (16, 16)}), ("strips", {"rowsperstrip": 5}), ("big-endian", {"byteorder": ">"})):
        read(f"tiff-{name}.tif", "tiles and strips", tiff_of(numpy.asarray(photo()), photometric="rgb", **options))
    rgb16 = numpy.dstack([gray16(), gray16()[::-1], gray16()[:, ::-1]])
    read("tiff-16.tif", "16 bits", tiff_of(rgb16, photometric="rgb"), 0, Image.fromarray((rgb16 >> 8).astype(numpy.uint8)))
    gray = Image.fromarray((gray16() >> 8).astype(numpy.uint8)).convert("RGB")
    read("tiff-gray-16.tif", "16 bits", tiff_of(gray16(), photometric="minisblack"), 0, gray)

    refused("tiff-jpeg.tif", "JPEG", saved(photo(), "TIFF", compression="jpeg"), "JPEG compression")
    refused("tiff-cmyk.tif", "CMYK", saved(photo().convert("CMYK"), "TIFF"), "CMYK colors")
    refused("tiff-ycbcr.tif", "YCbCr", saved(photo().convert("YCbCr"), "TIFF"), "YCbCr colors")
    refused("tiff-lab.tif", "CIE Lab", saved(photo().convert("LAB"), "TIFF"), "CIE Lab colors")
    refused("tiff-lzma.tif", "LZMA", saved(photo(), "TIFF", compression="lzma"), "LZMA compression")
    refused("tiff-zstd.tif", "Zstandard", tiff_of(numpy.asarray(photo()), photometric="rgb", compression="zstd"), "Zstandard compression")
    refused("tiff-webp.tif", "WebP", tiff_of(numpy.asarray(photo()), photometric="rgb", compression="webp"), "WebP compression")
    refused("tiff-huffman.tif", "CCITT modified Huffman", saved(bits, "TIFF", compression="tiff_ccitt"), "CCITT modified Huffman compression")
    refused("tiff-group3-2d.tif", "CCITT Group 3 in two dimensions", saved(bits, "TIFF", compression="group3", tiffinfo={292: 1}), "two-dimensional")
    refused("tiff-planar.tif", "planar", tiff_of(numpy.moveaxis(numpy.asarray(photo()), 2, 0), photometric="rgb", planarconfig="separate"), "planes")
    refused("tiff-float.tif", "floating-point", tiff_of(gray16().astype(numpy.float32), photometric="minisblack"), "floating-point samples")
    refused("tiff-signed.tif", "signed", tiff_of(gray16().astype(numpy.int16), photometric="minisblack"), "signed samples")
    refused("tiff-big.tif", "BigTIFF", tiff_of(numpy.asarray(photo()), photometric="rgb", bigtiff=True), "BigTIFF")
    refused("tiff-32.tif", "32 bits", tiff_of(gray16().astype(numpy.uint32), photometric="minisblack"), "32 bits a sample")
    gray_alpha = numpy.dstack([numpy.asarray(photo().convert("L"))] * 2)
    refused("tiff-gray-alpha.tif", "gray with alpha", tiff_of(gray_alpha, photometric="minisblack", extrasamples=[2]), "2 samples a pixel")


def tiff_of(pixels, **options):
    out = io.BytesIO()
    tifffile.imwrite(out, pixels, metadata=None, **options)
    return out.getvalue()


def others():
    for mode, kind in (("RGB", "color"), ("L", "gray"), ("1", "two colors")):
        read(f"png-{mode.lower()}.png", kind, saved(photo().convert(mode), "PNG"))
        if mode != "1":
            read(f"bmp-{mode.lower()}.bmp", kind, saved(photo().convert(mode), "BMP"))
    read("png-palette.png", "palette", saved(photo().quantize(50), "PNG"))
    read("png-alpha.png", "transparent", saved(transparent(), "PNG"), 1)
    read("png-gray-alpha.png", "transparent", saved(transparent().convert("LA"), "PNG"), 1)
    palette = photo().quantize(20)
    read("png-palette-alpha.png", "transparent", saved(palette, "PNG", transparency=bytes(range(0, 200, 10))), 1)
    gray = Image.fromarray((gray16() >> 8).astype(numpy.uint8)).convert("RGB")
    read("png-gray-16.png", "16 bits", saved(Image.fromarray(gray16()), "PNG"), 0, gray)
    read("bmp-palette.bmp", "palette", saved(photo().quantize(50), "BMP"))
    read("gif.gif", "palette", saved(photo().quantize(50), "GIF"))
    read("gif-interlaced.gif", "palette", saved(photo().quantize(50), "GIF", interlace=1))
    read("gif-transparent.gif", "transparent", saved(palette, "GIF", transparency=3))
    frames = [photo().quantize(50), photo().transpose(Image.Transpose.FLIP_LEFT_RIGHT).quantize(50)]
    read("gif-animated.gif", "animated", saved(frames[0], "GIF", save_all=True, append_images=frames[1:]))


if __name__ == "__main__":
    assert features.check("libjpeg_turbo"), "Pillow without libjpeg-turbo decodes otherwise"
    jpeg()
    webp()
    tiff()
    others()
    with open(os.path.join(HERE, "index.json"), "w") as f:
        json.dump(index, f, indent=1)
        f.write("\n")
