"""The walk: a dataset becomes exactly the bytes that PS3.5 7 and annex A ask for, whatever it holds and however deep it nests."""

from __future__ import annotations

import mmap
import struct
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from reference import encoded, outline, outline_of, sequence_tags, walk
from strategies import ENCODING_NAMES, ENCODINGS, SIMPLE_VRS, Seeded, built, datasets, plan, values

from dcmenc import Dataset, Element, EncodeError, Fragments, Policy, Sequence, Tag
from dcmenc._encode import encode_dataset

encodings = pytest.mark.parametrize(("implicit", "big"), ENCODINGS, ids=ENCODING_NAMES)
LENIENT = Policy(nonconforming="write")


def encode(dataset: Dataset, implicit: bool = False, big: bool = False, **options: Any) -> bytes:
    return b"".join(encode_dataset(dataset, implicit=implicit, big_endian=big, **options))


def nested(depth: int, leaf: Dataset) -> Dataset:
    """``leaf`` inside ``depth`` sequences."""
    for _ in range(depth):
        leaf = Dataset(ReferencedImageSequence=[leaf])
    return leaf


# --------------------------------------------------------------------- equal to the reference


@encodings
@given(dataset=datasets())
def test_every_dataset_is_encoded_as_the_reference_has_it(dataset: Dataset, implicit: bool, big: bool) -> None:
    assert encode(dataset, implicit, big) == encoded(dataset, implicit, big)


@encodings
@given(dataset=datasets())
def test_every_length_is_even_and_true_and_every_element_is_there_in_order(dataset: Dataset, implicit: bool, big: bool) -> None:
    read = walk(encode(dataset, implicit, big), implicit, big, sequence_tags(dataset))
    assert outline_of(read) == outline(dataset)


@encodings
@pytest.mark.parametrize("vr", SIMPLE_VRS)
@given(data=st.data())
def test_every_value_of_a_vr_is_encoded_as_the_reference_has_it(data: st.DataObject, vr: str, implicit: bool, big: bool) -> None:
    dataset = Dataset()
    dataset.private_block(0x0009, "ACME", create=True).add(1, vr, data.draw(values(vr)))
    assert encode(dataset, implicit, big) == encoded(dataset, implicit, big)


@encodings
def test_a_thousand_seeded_datasets_are_encoded_as_the_reference_has_them(implicit: bool, big: bool) -> None:
    for seed in range(1000):
        dataset = built(plan(Seeded(seed)))
        assert encode(dataset, implicit, big) == encoded(dataset, implicit, big), seed


@encodings
@pytest.mark.parametrize(
    ("vr", "array"),
    [
        ("US", np.arange(300, dtype="u2")),
        ("SS", np.arange(-5, 300, dtype="i8")),
        ("UL", np.arange(7, dtype=">u4")),
        ("SL", np.arange(-4, 3, dtype="i2")),
        ("UV", np.array([2**64 - 1, 0], "u8")),
        ("SV", np.array([-(2**63), 5])),
        ("FL", np.array([0.1, -1e38, np.inf, np.nan])),
        ("FD", np.array([0.1, -1e308])),
        ("AT", np.array([0x00100010, 0xFFFCFFFF])),
        ("DS", np.array([0.1, -1 / 3, 1e300, 5.0])),
        ("IS", np.array([-(2**31), 7])),
        ("US", np.arange(10)[::3]),
    ],
    ids=str,
)
def test_arrays_are_encoded_as_their_numbers(vr: str, array: np.ndarray[Any, Any], implicit: bool, big: bool) -> None:
    dataset = Dataset()
    dataset.private_block(0x0009, "ACME", create=True).add(1, vr, array)
    assert encode(dataset, implicit, big) == encoded(dataset, implicit, big)
    listed = Dataset()
    listed.private_block(0x0009, "ACME", create=True).add(1, vr, array.tolist())
    assert encode(dataset, implicit, big) == encode(listed, implicit, big)


# --------------------------------------------------------------------- order, group lengths, undefined lengths


def test_elements_are_written_in_ascending_order_of_their_tags_whatever_the_order_of_setting() -> None:
    tags = [0x00100020, 0x00080018, 0x7FE10010, 0x00081030, 0x00090010, 0x00280010]
    dataset = Dataset()
    for tag in tags:
        dataset.add(tag, "US" if tag == 0x00280010 else "UI" if tag == 0x00080018 else "LO", 1 if tag == 0x00280010 else "1.2")
    assert [one.tag for one in walk(encode(dataset))] == sorted(tags)


@encodings
def test_group_lengths_are_kept_and_counted_anew_at_every_level(implicit: bool, big: bool) -> None:
    item = Dataset({0x00080000: 7, "CodeValue": "A", "CodeMeaning": "b" * 9, 0x00100000: 1})
    dataset = Dataset({0x00080000: 99, "ReferencedImageSequence": [item], "PatientID": "x", 0x00200000: 5, "SeriesNumber": 3})
    dataset.add(0x00090000, "UL", 1)
    dataset.private_block(0x0009, "ACME", create=True).add(0, "OB", b"x" * 70001)
    data = encode(dataset, implicit, big)
    assert outline_of(walk(data, implicit, big, sequence_tags(dataset))) == outline(dataset)
    assert data == encoded(dataset, implicit, big)


def test_no_group_length_is_added() -> None:
    assert [one.tag for one in walk(encode(Dataset(PatientID="x", Rows=1)))] == [0x00100020, 0x00280010]


@encodings
@pytest.mark.parametrize("whole", [False, True])
@pytest.mark.parametrize("each", [False, True])
def test_undefined_lengths_are_closed_by_delimiters(implicit: bool, big: bool, whole: bool, each: bool) -> None:
    items = [Dataset(CodeValue="A"), Dataset()]
    for item in items:
        item.undefined_length = each
    dataset = Dataset(ReferencedImageSequence=Sequence(items, undefined_length=whole))
    data = encode(dataset, implicit, big)
    (read,) = walk(data, implicit, big, {0x00081140})
    assert read.undefined == whole and len(read.value) == 2
    order = "<>"[big]
    assert data.count(struct.pack(order + "HHI", 0xFFFE, 0xE0DD, 0)) == whole
    assert data.count(struct.pack(order + "HHI", 0xFFFE, 0xE00D, 0)) == 2 * each


def test_an_empty_sequence_has_length_zero_and_an_empty_dataset_no_bytes() -> None:
    assert encode(Dataset()) == b""
    assert encode(Dataset(ReferencedImageSequence=[])) == b"\x08\x00\x40\x11SQ\0\0\0\0\0\0"


def test_fragments_are_ob_of_undefined_length_with_even_items() -> None:
    dataset = Dataset(PixelData=Fragments((b"\xff\xd8\xff", b"ab" * 40000, np.arange(3, dtype="u2")), b"\0\0\0\0"), BitsAllocated=16)
    (_, read) = walk(encode(dataset, encapsulated=True))
    assert (read.vr, read.undefined) == ("OB", True)
    assert read.value == [b"\0\0\0\0", b"\xff\xd8\xff\0", b"ab" * 40000, b"\0\0\1\0\2\0"]
    assert encode(dataset, encapsulated=True) == encoded(dataset, encapsulated=True)


@pytest.mark.parametrize(("pixels", "encapsulated"), [(Fragments((b"ab",)), False), (b"ab", True)])
def test_pixels_agree_with_the_transfer_syntax_or_are_refused(pixels: Any, encapsulated: bool) -> None:
    with pytest.raises(EncodeError, match=r"^\(7FE0,0010\): .*encapsulated transfer syntax"):
        encode(Dataset(PixelData=pixels, BitsAllocated=8), encapsulated=encapsulated)


def test_a_nested_icon_stays_native_under_an_encapsulated_syntax() -> None:
    icon = Dataset(BitsAllocated=8, PixelData=b"abc")
    dataset = Dataset(IconImageSequence=[icon], PixelData=Fragments((b"x",)))
    assert encode(dataset, encapsulated=True) == encoded(dataset, encapsulated=True)


# --------------------------------------------------------------------- VRs that the context decides


@pytest.mark.parametrize(("bits", "implicit", "vr"), [(1, False, "OB"), (8, False, "OB"), (16, False, "OW"), (32, False, "OW")])
def test_pixel_data_is_ob_up_to_8_bits_and_ow_above(bits: int, implicit: bool, vr: str) -> None:
    assert walk(encode(Dataset(BitsAllocated=bits, PixelData=b"abcd")))[-1].vr == vr


@pytest.mark.parametrize(
    "keyword",
    [
        "SmallestImagePixelValue",
        "PixelPaddingValue",
        "RealWorldValueFirstValueMapped",
        "HistogramFirstBinValue",
        "ZeroVelocityPixelValue",
        "MappedPixelValue",
    ],
)
@pytest.mark.parametrize(("outer", "own", "vr"), [(None, None, "US"), (0, None, "US"), (1, None, "SS"), (1, 0, "US"), (0, 1, "SS")])
def test_us_or_ss_by_the_nearest_pixel_representation(keyword: str, outer: int | None, own: int | None, vr: str) -> None:
    item = Dataset({keyword: 5})
    middle = Dataset(ReferencedImageSequence=[item])
    root = Dataset(ReferencedImageSequence=[middle])
    if own is not None:
        item.PixelRepresentation = own
    if outer is not None:
        root.PixelRepresentation = outer
    (sequence,) = [one for one in walk(encode(root)) if one.vr == "SQ"]
    (element,) = [one for one in sequence.value[0][0].value[0] if one.tag != 0x00280103]
    assert element.vr == vr


@pytest.mark.parametrize(("sign", "value"), [(0, -1), (1, 40000)])
def test_a_number_that_the_context_does_not_hold_is_refused_with_its_place(sign: int, value: int) -> None:
    dataset = Dataset(PixelRepresentation=sign, ReferencedImageSequence=[Dataset(), Dataset(PixelPaddingValue=value)])
    with pytest.raises(EncodeError, match=rf"^\(0008,1140\)\[1\]\.\(0028,0120\): {value} does not fit 16-bit") as caught:
        encode(dataset)
    assert caught.value.tag == 0x00280120


def test_pixel_values_without_pixel_representation_beside_pixels_are_refused() -> None:
    with pytest.raises(EncodeError, match=r"\(0028,0120\): PixelRepresentation decides"):
        encode(Dataset(PixelPaddingValue=5, PixelData=b"ab", BitsAllocated=8))
    with pytest.raises(EncodeError, match=r"\(7FE0,0010\): BitsAllocated decides"):
        encode(Dataset(PixelData=b"ab"))


@encodings
@pytest.mark.parametrize("sign", [0, 1])
@pytest.mark.parametrize("keyword", ["RedPaletteColorLookupTableDescriptor", "LUTDescriptor"])
def test_a_descriptor_counts_unsigned_and_maps_with_sign(keyword: str, sign: int, implicit: bool, big: bool) -> None:
    dataset = Dataset({"PixelRepresentation": sign, keyword: [65535, -5 if sign else 65531, 16]})
    element = walk(encode(dataset, implicit, big), implicit, big)[-1]
    assert struct.unpack("<>"[big] + "HhH" if sign else "<>"[big] + "HHH", element.value) == (65535, -5 if sign else 65531, 16)


@pytest.mark.parametrize(("bits", "vr"), [(8, "OB"), (16, "OW")])
@pytest.mark.parametrize("keyword", ["WaveformData", "ChannelMinimumValue", "WaveformPaddingValue"])
def test_waveform_values_follow_the_nearest_waveform_bits_allocated(keyword: str, bits: int, vr: str) -> None:
    below = Dataset(WaveformBitsAllocated=bits, ReferencedImageSequence=[Dataset({keyword: b"abcd"})])
    assert walk(encode(below))[0].value[0][0].vr == vr
    beside = walk(encode(Dataset({"WaveformBitsAllocated": bits, keyword: b"abcd"})))
    assert [one.vr for one in beside if one.tag != 0x54001004] == [vr]
    with pytest.raises(EncodeError, match="WaveformBitsAllocated decides"):
        encode(Dataset({keyword: b"ab"}))


@pytest.mark.parametrize(("count", "vr"), [(1, "US"), (3, "US"), (32767, "US"), (32768, "OW"), (65536, "OW")])
def test_lut_data_given_as_numbers_are_us_while_they_fit_and_ow_beyond(count: int, vr: str) -> None:
    read = walk(encode(Dataset(LUTData=[n % 65536 for n in range(count)] if count > 1 else 7)))[0]
    assert (read.vr, len(read.value)) == (vr, 2 * count)


def test_lut_data_given_as_bytes_or_array_are_ow() -> None:
    for data in (b"\1\0\2\0", np.array([1, 2], "u2"), memoryview(b"\1\0\2\0")):
        read = walk(encode(Dataset(LUTData=data)))[0]
        assert (read.vr, read.value) == ("OW", b"\1\0\2\0")


# --------------------------------------------------------------------- byte order


@pytest.mark.parametrize(("vr", "unit"), [("OB", 1), ("UN", 1), ("OW", 2), ("OF", 4), ("OL", 4), ("OD", 8), ("OV", 8)])
@pytest.mark.parametrize("size", [16, 80000])
def test_buffers_are_swapped_by_the_unit_of_their_vr(vr: str, unit: int, size: int) -> None:
    data = bytes(range(16)) * (size // 16)
    dataset = Dataset()
    dataset.private_block(0x0009, "ACME", create=True).add(1, vr, data)
    found = walk(encode(dataset, big=True), big=True)[-1]
    assert (found.vr, found.value) == (vr, b"".join(data[at : at + unit][::-1] for at in range(0, size, unit)))
    assert walk(encode(dataset))[-1].value == data


@pytest.mark.parametrize(("little", "big"), [(b"abc", b"ba\0c"), (b"a", b"\0a"), (b"abcd", b"badc")])
def test_an_odd_ow_is_padded_before_it_is_swapped(little: bytes, big: bytes) -> None:
    dataset = Dataset()
    dataset.private_block(0x0009, "ACME", create=True).add(1, "OW", little)
    assert walk(encode(dataset, big=True), big=True)[-1].value == big
    assert walk(encode(dataset))[-1].value == little + b"\0" * (len(little) % 2)


def test_a_tag_is_swapped_as_two_halves() -> None:
    assert encode(Dataset(FrameIncrementPointer=0x00181063), big=True)[-4:] == b"\x00\x18\x10\x63"


# --------------------------------------------------------------------- big values that are not copied


@encodings
@pytest.mark.parametrize("size", [65535, 65536, 65537, 100001])
@pytest.mark.parametrize("levels", [0, 1, 6])
def test_big_values_keep_all_lengths_around_them_true(size: int, levels: int, implicit: bool, big: bool) -> None:
    leaf = Dataset(PatientID="x")
    leaf.private_block(0x0009, "ACME", create=True).add(1, "OB", bytes(size))
    leaf.add(0x00090000, "UL", 0)
    leaf.StudyID = "after"
    root = nested(levels, leaf)
    root.StudyID = "end"
    data = encode(root, implicit, big)
    assert data == encoded(root, implicit, big)
    assert outline_of(walk(data, implicit, big, {0x00081140})) == outline(root)


@encodings
def test_big_arrays_of_any_shape_are_written_in_c_order(implicit: bool, big: bool) -> None:
    array = np.arange(300 * 301, dtype="u2").reshape(300, 301)
    dataset = Dataset(BitsAllocated=16, PixelData=array, IconImageSequence=[Dataset(BitsAllocated=16, PixelData=array[:200])])
    assert encode(dataset, implicit, big) == encoded(dataset, implicit, big)
    assert walk(encode(dataset))[-1].value == array.tobytes()


def test_big_values_are_views_on_the_callers_memory() -> None:
    data = bytearray(70000)
    pieces = encode_dataset(Dataset(BitsAllocated=8, PixelData=data, PatientID="x"))
    data[0] = 7
    assert any(isinstance(piece, memoryview) and piece.obj is data for piece in pieces)
    assert b"".join(pieces).count(7) == 1


# --------------------------------------------------------------------- values that are too long


@pytest.mark.parametrize(("size", "vr"), [(65533, "LO"), (65534, "LO"), (65535, "UN"), (65536, "UN"), (70000, "UN")])
@pytest.mark.parametrize("big", [False, True])
@pytest.mark.parametrize("levels", [0, 2])
def test_text_beyond_65534_bytes_is_written_as_un(size: int, vr: str, big: bool, levels: int) -> None:
    values = ["x" * 63] * (size // 64) + ["y" * (size % 64)]
    leaf = Dataset(PatientID="before", StudyID="after", OtherPatientIDs=values)
    leaf.add(0x00100000, "UL", 0)
    root = nested(levels, leaf)
    data = encode(root, big=big)
    assert data == encoded(root, big=big)
    read = walk(data, big=big)
    for _ in range(levels):
        read = read[0].value[0]
    element = next(one for one in read if one.tag == 0x00101000)
    assert element.vr == vr
    assert element.value == b"\\".join(v.encode() for v in values) + b" " * (size % 2)


@pytest.mark.parametrize("count", [32767, 32768, 40000])
def test_numbers_beyond_65534_bytes_are_un_in_little_endian_and_refused_in_big(count: int) -> None:
    for content in ([1] * count, np.ones(count, "u2")):
        dataset = Dataset(ReferencedImageSequence=[Dataset()])
        dataset.ReferencedImageSequence[0].private_block(0x0009, "ACME", create=True).add(1, "US", content)
        element = walk(encode(dataset))[0].value[0][1]
        assert (element.vr, len(element.value)) == ("US" if count == 32767 else "UN", 2 * count)
        assert len(walk(encode(dataset, implicit=True), True, sequences={0x00081140})[0].value[0][1].value) == 2 * count
        if count == 32767:
            assert walk(encode(dataset, big=True), big=True)[0].value[0][1].vr == "US"
        else:
            with pytest.raises(EncodeError, match=r"\(0008,1140\)\[0\]\.\(0009,1001\): \d+ bytes do not fit the 16-bit length of US"):
                encode(dataset, big=True)


def test_the_policy_refuses_what_would_become_un() -> None:
    dataset = Dataset(OtherPatientIDs=["x" * 64] * 1100)
    with pytest.raises(EncodeError, match=r"\(0010,1000\): 71499 bytes|\(0010,1000\): 71500 bytes"):
        encode(dataset, policy=Policy(long_value="error"))
    assert walk(encode(dataset, implicit=True, policy=Policy(long_value="error")), True)


def test_the_policy_of_the_dataset_holds_where_the_call_names_none() -> None:
    dataset = Dataset(OtherPatientIDs=["x" * 64] * 1100, policy=Policy(long_value="error"))
    with pytest.raises(EncodeError, match="do not fit the 16-bit length"):
        encode(dataset)
    dataset = Dataset(SpecificCharacterSet="ISO_IR 100", PatientName="山", policy=Policy(unencodable="replace"))
    assert encode(dataset).endswith(b"? ")


def virtual(size: int) -> mmap.mmap:
    """Memory that is promised, and never touched."""
    return mmap.mmap(-1, size, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)


@pytest.mark.parametrize(("size", "fits"), [(2**32 - 2, True), (2**32 - 1, False), (2**32, False), (2**32 + 2, False)])
def test_a_value_ends_before_4_gib(size: int, fits: bool) -> None:
    with virtual(size) as memory:
        dataset = Dataset(BitsAllocated=8, PixelData=memory)
        if fits:
            pieces = encode_dataset(dataset)
            assert pieces[0][-4:] == b"\xfe\xff\xff\xff"
            pieces[1].release()
        else:
            with pytest.raises(EncodeError, match=r"\(7FE0,0010\): \d+ bytes are over the limit"):
                encode_dataset(dataset)
            with pytest.raises(EncodeError, match=r"\(7FE0,0010\): a fragment of \d+ bytes is over the limit"):
                encode_dataset(Dataset(PixelData=Fragments((memory,))), encapsulated=True)
        del dataset


def test_an_item_or_sequence_over_4_gib_needs_undefined_length() -> None:
    with virtual(3 << 30) as memory:
        icons = [Dataset(BitsAllocated=8, PixelData=memory) for _ in range(2)]
        dataset = Dataset(IconImageSequence=icons)
        with pytest.raises(EncodeError, match=r"\(0088,0200\): the sequence is \d+ bytes long.*undefined length"):
            encode_dataset(dataset)
        dataset["IconImageSequence"].value.undefined_length = True
        assert encode_dataset(dataset)[0][8:12] == b"\xff\xff\xff\xff"
        outer = Dataset(ReferencedImageSequence=Sequence([dataset], True))
        with pytest.raises(EncodeError, match=r"\(0008,1140\)\[0\]: the item is \d+ bytes long.*undefined length"):
            encode_dataset(outer)
        dataset.undefined_length = True
        assert sum(map(len, encode_dataset(outer))) > 6 << 30
        dataset.add(0x00880000, "UL", 0)
        with pytest.raises(EncodeError, match="group 0088 is too long for a group length"):
            encode_dataset(outer)


# --------------------------------------------------------------------- depth


@encodings
def test_128_levels_are_written_and_129_refused_with_their_path(implicit: bool, big: bool) -> None:
    deep = nested(128, Dataset(PatientID="x"))
    assert encode(deep, implicit, big) == encoded(deep, implicit, big)
    with pytest.raises(EncodeError, match="datasets nest deeper than 128 levels") as caught:
        encode(nested(129, Dataset(PatientID="x")), implicit, big)
    assert caught.value.path.startswith("(0008,1140)[0].(0008,1140)[0]") and caught.value.path.count("(0008,1140)") == 129


def test_a_dataset_inside_itself_is_refused() -> None:
    dataset = Dataset()
    dataset.ReferencedImageSequence = [dataset]
    with pytest.raises(EncodeError, match="deeper than 128"):
        encode(dataset)


def test_the_same_item_may_stand_in_two_places() -> None:
    item = Dataset(CodeValue="A")
    dataset = Dataset(ReferencedImageSequence=[item, item], ContentSequence=[item])
    assert encode(dataset) == encoded(dataset)


# --------------------------------------------------------------------- errors say where


@pytest.mark.parametrize("levels", [1, 5, 100])
def test_an_error_carries_its_path_and_does_not_grow_with_depth(levels: int) -> None:
    leaf = Dataset(SpecificCharacterSet="ISO_IR 100", PatientName="山")
    with pytest.raises(EncodeError) as caught:
        encode(nested(levels, leaf))
    assert caught.value.path == "(0008,1140)[0]." * levels + "(0010,0010)"
    assert caught.value.tag == 0x00100010 and len(caught.value.reason) < 200
    assert str(caught.value).startswith("(0008,1140)[0].") or not levels
    assert str(caught.value).endswith(f"(0010,0010): {caught.value.reason}") and len(str(caught.value)) < 600


def test_the_path_counts_items_and_leaves_sequences_that_are_done() -> None:
    good, bad = Dataset(CodeValue="A"), Dataset(ContentSequence=[Dataset(), Dataset(PixelPaddingValue=-1)])
    dataset = Dataset(ReferencedImageSequence=[good, good], ContentSequence=[good, Dataset(ReferencedImageSequence=[good]), bad])
    with pytest.raises(EncodeError, match=r"^\(0040,A730\)\[2\]\.\(0040,A730\)\[1\]\.\(0028,0120\): "):
        encode(dataset)


@pytest.mark.parametrize("junk", ["x", None, {}, 5, b"", object(), []])
def test_an_item_that_is_no_dataset_is_refused_when_written(junk: Any) -> None:
    dataset = Dataset(ReferencedImageSequence=[Dataset()])
    list.append(dataset.ReferencedImageSequence, junk)
    with pytest.raises(EncodeError, match=r"^\(0008,1140\)\[1\]: an item is a Dataset, not "):
        encode(dataset)


# --------------------------------------------------------------------- rules of tags


@pytest.mark.parametrize("tag", [0x00000100, 0x00020010])
def test_command_and_file_meta_elements_do_not_belong_in_a_dataset(tag: int) -> None:
    with pytest.raises(EncodeError, match=rf"^\({tag >> 16:04X},{tag & 0xFFFF:04X}\): .*do not belong in a data set"):
        encode(Dataset({tag: "1.2" if tag >> 16 else 5}))
    with pytest.raises(EncodeError, match=r"^\(0008,1140\)\[0\]\.\(000"):
        encode(Dataset(ReferencedImageSequence=[Dataset({tag: "1.2" if tag >> 16 else 5})]))


@pytest.mark.parametrize("tag", [0xFFFEE000, 0xFFFEE00D, 0xFFFEE0DD])
def test_delimiters_are_no_elements(tag: int) -> None:
    with pytest.raises(EncodeError, match="group FFFE"):
        Dataset().add(tag, "LO", "x", policy=LENIENT)


def test_a_private_element_needs_the_creator_of_its_block_in_its_own_dataset() -> None:
    item = Dataset()
    item.add(0x00091001, "LO", "x")
    root = Dataset(ReferencedImageSequence=[item])
    root.private_block(0x0009, "ACME", create=True)
    with pytest.raises(EncodeError, match=r"^\(0008,1140\)\[0\]\.\(0009,1001\): .*no private creator at \(0009,0010\)"):
        encode(root)
    assert encode(root, policy=LENIENT) == encoded(root)
    item.add(0x00090010, "LO", "ACME")
    assert encode(root) == encoded(root)


def test_each_block_of_a_group_needs_its_creator() -> None:
    dataset = Dataset()
    dataset.private_block(0x0009, "ACME", create=True).add(1, "LO", "x")
    dataset.add(0x00091101, "LO", "y")
    with pytest.raises(EncodeError, match=r"^\(0009,1101\): .*\(0009,0011\)"):
        encode(dataset)


# --------------------------------------------------------------------- objects that change or bite while they are written


class Hooked(str):
    """Text that does something when it is encoded, as only a caller who goes past the model can smuggle in."""

    __slots__ = ()

    def encode(self, *arguments: Any) -> bytes:
        self.hook()
        return str.encode(self, *arguments)


def smuggle(dataset: Dataset, hook: Any) -> None:
    dataset.SpecificCharacterSet = "ISO_IR 100"
    kind = type("Biting", (Hooked,), {"hook": lambda self: hook()})
    dataset._elements[Tag(0x00081030)] = Element(Tag(0x00081030), "LO", kind("\xe9"))


def test_a_sequence_may_change_while_it_is_written() -> None:
    dataset = Dataset(ReferencedImageSequence=[Dataset(), Dataset(), Dataset()])
    smuggle(dataset.ReferencedImageSequence[0], dataset.ReferencedImageSequence.clear)
    assert len(walk(encode(dataset))[0].value) == 1
    dataset = Dataset(ReferencedImageSequence=[Dataset()])
    smuggle(dataset.ReferencedImageSequence[0], lambda: dataset.ReferencedImageSequence.append(Dataset(Rows=1)))
    assert len(walk(encode(dataset))[0].value) == 2


def test_a_dataset_may_lose_its_elements_while_it_is_written() -> None:
    dataset = Dataset(PatientID="x", StudyID="y", ContentSequence=[Dataset(CodeValue="A", Rows=5)])

    def clear() -> None:
        dataset.ContentSequence[0]._elements = {}
        dataset.clear()
        dataset._elements = {}

    smuggle(dataset.ContentSequence[0], clear)
    assert outline_of(walk(encode(dataset))) == [
        (0x00100020, None),
        (0x00200010, None),
        (0x0040A730, [[(0x00080005, None), (0x00080100, None), (0x00081030, None), (0x00280010, None)]]),
    ]
    assert len(dataset) == 0


def test_an_error_in_a_callback_passes_and_leaves_the_encoder_sound() -> None:
    def bite() -> None:
        raise KeyError("mine")

    dataset = Dataset(ContentSequence=[Dataset(PatientID="x")])
    smuggle(dataset.ContentSequence[0], bite)
    with pytest.raises(KeyError, match="mine"):
        encode(dataset)
    del dataset.ContentSequence[0].StudyDescription
    assert encode(dataset) == encoded(dataset)


def test_hostile_text_is_never_asked_for_its_str() -> None:
    class Hostile(str):
        def __str__(self) -> str:
            raise RuntimeError("not me")

        __repr__ = __format__ = __len__ = __iter__ = encode = __str__  # type: ignore[assignment]

    dataset = Dataset()
    dataset.add("PatientID", "LO", [Hostile("abcd")])
    assert type(dataset.PatientID) is str
    assert encode(dataset)[-4:] == b"abcd"


@pytest.mark.parametrize("junk", [None, 12345, b"5", "１", [], object()])
@pytest.mark.parametrize(("keyword", "text"), [("SliceThickness", "5"), ("SeriesNumber", "5")])
def test_the_kept_text_of_a_number_is_checked_again_before_its_memory_is_read(keyword: str, text: str, junk: Any) -> None:
    dataset = Dataset({keyword: text})
    getattr(dataset, keyword)._text = junk
    with pytest.raises(EncodeError):
        encode(dataset)


@pytest.mark.parametrize(("keyword", "vr"), [("SliceThickness", "DS"), ("SeriesNumber", "IS")])
def test_digits_of_other_scripts_are_never_written_as_memory_garbage(keyword: str, vr: str) -> None:
    dataset = Dataset()
    with pytest.raises(EncodeError):
        dataset.add(keyword, vr, "１２", policy=LENIENT)
        encode(dataset, policy=LENIENT)


def test_a_buffer_released_after_it_was_set_is_an_error_with_its_place() -> None:
    view = memoryview(b"abcd")
    dataset = Dataset(BitsAllocated=8, PixelData=view)
    view.release()
    with pytest.raises(EncodeError, match=r"^\(7FE0,0010\): .*released"):
        encode(dataset)


# --------------------------------------------------------------------- threads


def test_eight_threads_that_write_one_dataset_write_the_same_bytes() -> None:
    dataset = Dataset(
        SpecificCharacterSet=["", "ISO 2022 IR 87"],
        PatientName="Yamada^Tarou=山田^太郎",
        ContentSequence=[built(plan(Seeded(seed))) for seed in range(9)],
        EncapsulatedDocument=bytes(range(256)) * 400,
    )
    wanted = encode(dataset)
    with ThreadPoolExecutor(8) as pool:
        assert set(pool.map(lambda _: encode(dataset), range(400))) == {wanted}


def test_the_walk_leaves_the_dataset_as_it_was() -> None:
    dataset = built(plan(Seeded(5)))
    before = built(plan(Seeded(5)))
    for implicit, big in ENCODINGS:
        encode(dataset, implicit, big)
    assert dataset == before


# --------------------------------------------------------------------- locating


def test_located_elements_stand_where_the_walk_says() -> None:
    dataset = Dataset(NumberOfFrames=3, Rows=5, ContentSequence=[Dataset(Rows=6)], BitsAllocated=8, PixelData=bytes(70001))
    places: dict[int, Any] = dict.fromkeys((0x00280008, 0x00280010, 0x0040A730, 0x7FE00010, 0x00281050))
    data = encode(dataset, locate=places, head=b"h" * 132)
    assert data[slice(*places[0x00280010])] == b"\x28\0\x10\0US\2\0\5\0"
    assert data[slice(*places[0x00280008])] == b"\x28\0\x08\0IS\2\x003 "
    assert places[0x7FE00010][1] == len(data) and places[0x7FE00010][0] == len(data) - 70002 - 12
    assert places[0x00281050] is None
