"""highdicom's objects as they are: its classes are pydicom datasets with sequences of their own, and keep pydicom's bytes (PS3.10 7.1).

They are made in memory from pydicom's test files, and written as made, as read back, in the other encoding and in another character set.
"""

from __future__ import annotations

import copy
import functools
import io
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pydicom
import pytest
from pydicom.data import get_testdata_file
from pydicom.dataelem import DataElement
from pydicom.dataset import Dataset
from pydicom.sr.codedict import codes
from pydicom.uid import UID, ExplicitVRLittleEndian, ImplicitVRLittleEndian, RLELossless
from test_foreign import accessed, theirs

from dcmenc import dcmread, dcmwrite, dumps

hd = pytest.importorskip("highdicom")

pytestmark = [
    pytest.mark.filterwarnings("ignore::UserWarning"),
    pytest.mark.filterwarnings("ignore::DeprecationWarning"),
]

UMLAUTS, KANJI = "Müller^Jörg", "Yamada^Tarou=山田^太郎=やまだ^たろう"


def named_uid(number: int) -> UID:
    return UID(f"1.2.826.0.1.3680043.8.498.{number}")


@functools.cache
def series() -> list[Dataset]:
    """Three slices of one CT series, of an odd number of pixels."""
    slices = []
    for number in range(1, 4):
        image = pydicom.dcmread(get_testdata_file("CT_small.dcm", download=False))
        image.PixelData = image.pixel_array[30:45, 40:53].tobytes()
        image.Rows, image.Columns = 15, 13
        image.PatientName = UMLAUTS
        image.InstanceNumber = number
        image.SOPInstanceUID = image.file_meta.MediaStorageSOPInstanceUID = named_uid(number)
        image.ImagePositionPatient = [-158.135803, -179.035797, 5.25 * number]
        image.SliceLocation = 5.25 * number
        slices.append(image)
    return slices


def identity(number: int) -> dict[str, Any]:
    """The arguments that all constructors of highdicom have."""
    return {"series_instance_uid": named_uid(100 + number), "series_number": number, "sop_instance_uid": named_uid(200 + number),
            "instance_number": 1, "manufacturer": "dcmenc"}


DEVICE = {"manufacturer_model_name": "tests", "software_versions": ("1.0", "2.0"), "device_serial_number": "007"}


# --------------------------------------------------------------------- images derived from images


def segments() -> list[Any]:
    algorithm = hd.AlgorithmIdentificationSequence("threshold", family=codes.DCM.ArtificialIntelligence, version="0.1")
    return [
        hd.seg.SegmentDescription(
            segment_number=number, segment_label=label, segmented_property_category=codes.SCT.Organ, segmented_property_type=kind,
            algorithm_type="AUTOMATIC", algorithm_identification=algorithm, tracking_uid=named_uid(300 + number), tracking_id=label,
            display_color=hd.color.CIELabColor(50.0, 20.5 * number, -30.25))
        for number, label, kind in [(1, "liver", codes.SCT.Liver), (2, "spleen", codes.SCT.Spleen)]
    ]


def segmentation(kind: str, number: int, labels: np.ndarray, **options: Any) -> Dataset:
    return hd.seg.Segmentation(series(), labels, kind, segments(), **identity(number), **DEVICE, content_description="Organs",
                               content_creator_name=UMLAUTS, **options)


def labels() -> np.ndarray:
    return np.arange(3 * 15 * 13, dtype=np.uint8).reshape(3, 15, 13) // 5 % 3


def memberships(kind: type) -> np.ndarray:
    return np.stack([labels() == 1, labels() == 2], axis=-1).astype(kind)


def binary_segmentation() -> Dataset:
    return segmentation("BINARY", 1, labels())


def fractional_segmentation() -> Dataset:
    return segmentation("FRACTIONAL", 2, memberships(np.float32) * 0.7, max_fractional_value=200)


def compressed_segmentation() -> Dataset:
    return segmentation("FRACTIONAL", 3, memberships(np.float32) * 0.3, transfer_syntax_uid=RLELossless)


def label_map() -> Dataset:
    return segmentation("LABELMAP", 4, labels())


def parametric_map(kind: type, number: int) -> Dataset:
    values = (np.arange(3 * 15 * 13) / 7).reshape(3, 15, 13).astype(kind)
    mapping = hd.pm.RealWorldValueMapping("ADC", "Diffusion", codes.UCUM.SquareMillimeterPerSecond, (0.0, 1000.0), slope=0.1,
                                          intercept=-1 / 3)
    return hd.pm.ParametricMap(series(), values, **identity(number), **DEVICE, contains_recognizable_visual_features=False,
                               real_world_value_mappings=[mapping], window_center=40.5, window_width=1 / 3)


def legacy_converted_image() -> Dataset:
    named = identity(7)
    del named["manufacturer"]
    return hd.legacy.LegacyConvertedEnhancedCTImage(series(), **named)


def secondary_capture() -> Dataset:
    pixels = np.arange(15 * 13 * 3, dtype=np.uint8).reshape(15, 13, 3)
    return hd.sc.SCImage(pixels, "RGB", 8, "PATIENT", named_uid(8), **identity(8), patient_orientation=("L", "P"),
                         pixel_spacing=(0.7, 1 / 3), patient_name=KANJI, specific_character_set="ISO_IR 192", patient_id="8")


# --------------------------------------------------------------------- documents


def observers() -> dict[str, Any]:
    person = hd.sr.PersonObserverIdentifyingAttributes(name=UMLAUTS, organization_name="dcmenc")
    device = hd.sr.DeviceObserverIdentifyingAttributes(uid=named_uid(9), name="tests")
    return {"observer_person_context": hd.sr.ObserverContext(codes.DCM.Person, person),
            "observer_device_context": hd.sr.ObserverContext(codes.DCM.Device, device)}


def planar_measurements() -> Any:
    image = series()[1]
    source = hd.sr.SourceImageForRegion(image.SOPClassUID, image.SOPInstanceUID)
    outline = np.array([[1.0, 1.0], [9.5, 1.25], [9.5, 1 / 3], [1.0, 1.0]])
    return hd.sr.PlanarROIMeasurementsAndQualitativeEvaluations(
        tracking_identifier=hd.sr.TrackingIdentifier(uid=named_uid(10), identifier="lesion"),
        referenced_region=hd.sr.ImageRegion("POLYLINE", outline, source),
        finding_type=codes.SCT.Neoplasm,
        finding_sites=[hd.sr.FindingSite(codes.SCT.Liver, topographical_modifier=codes.SCT.Left)],
        measurements=[hd.sr.Measurement(codes.SCT.Area, value, codes.UCUM.SquareMillimeter) for value in (17, 1 / 3, 1.7e-9)],
        qualitative_evaluations=[hd.sr.QualitativeEvaluation(codes.DCM.LevelOfSignificance, codes.SCT.Mild)])


def spatial_measurements() -> Any:
    image = series()[0]
    plane = np.array([[0.0, 0.0, 5.0], [9.1, 0.0, 5.0], [9.1, 9.2, 5.0], [0.0, 0.0, 5.0]])
    return hd.sr.PlanarROIMeasurementsAndQualitativeEvaluations(
        tracking_identifier=hd.sr.TrackingIdentifier(uid=named_uid(11), identifier="plane"),
        referenced_region=hd.sr.ImageRegion3D("POLYGON", plane, image.FrameOfReferenceUID),
        measurements=[hd.sr.Measurement(codes.SCT.Diameter, 9.25, codes.UCUM.Millimeter)])


def report(kind: str, number: int, *groups: Any) -> Dataset:
    content = hd.sr.MeasurementReport(hd.sr.ObservationContext(**observers()), codes.LN.CTUnspecifiedBodyRegion, groups,
                                      referenced_images=series()[:1])
    return getattr(hd.sr, kind)(series(), content[0], **identity(number), is_complete=True, is_final=True, is_verified=True,
                                verifying_observer_name="Doe^Jane", verifying_organization="dcmenc")


def key_objects() -> Dataset:
    selection = hd.ko.KeyObjectSelection(codes.DCM.OfInterest, series()[:2], **observers(), description="Zwei von drei, größer")
    return hd.ko.KeyObjectSelectionDocument(series()[:2], selection, **identity(14))


# --------------------------------------------------------------------- presentation and annotation


def presentation_state() -> Dataset:
    layer = hd.pr.GraphicLayer("NOTES", order=1, display_color=hd.color.CIELabColor(50.0, -20.0, 30.0))
    line = np.array([[1.0, 2.0], [3.5, 1 / 3]])
    shape = hd.pr.GraphicObject("POLYLINE", line, units="PIXEL", tracking_id="line", tracking_uid=named_uid(15))
    note = hd.pr.TextObject("a note\r\nof two lines", units="DISPLAY", anchor_point=(0.5, 0.25))
    annotation = hd.pr.GraphicAnnotation(series(), layer, graphic_objects=[shape], text_objects=[note])
    window = hd.pr.SoftcopyVOILUTTransformation(window_center=(40.0, 1 / 3), window_width=(400.5, 1.0),
                                                 window_explanation=("WIDE", "NARROW"))
    return hd.pr.GrayscaleSoftcopyPresentationState(
        series(), **identity(15), **DEVICE, content_label="NOTES", graphic_annotations=[annotation], graphic_layers=[layer],
        voi_lut_transformations=[window], content_creator_name=UMLAUTS)


def annotations() -> Dataset:
    cells = [np.array([[3.5, 1 / 3, 5.0]]), np.array([[9.0, 9.0, 5.0]])]
    group = hd.ann.AnnotationGroup(
        1, named_uid(16), "cells", codes.SCT.AnatomicalStructure, codes.SCT.Cell, "POINT", cells, "MANUAL",
        measurements=[hd.ann.Measurements(codes.SCT.Area, np.array([1.5, 1 / 3]), codes.UCUM.SquareMicrometer)])
    return hd.ann.MicroscopyBulkSimpleAnnotations(series(), "3D", [group], **identity(16), **DEVICE)


OBJECTS: dict[str, Callable[[], Dataset]] = {
    "binary segmentation": binary_segmentation,
    "fractional segmentation": fractional_segmentation,
    "compressed segmentation": compressed_segmentation,
    "label map": label_map,
    "float parametric map": lambda: parametric_map(np.float32, 5),
    "double parametric map": lambda: parametric_map(np.float64, 6),
    "legacy converted image": legacy_converted_image,
    "secondary capture": secondary_capture,
    "enhanced report": lambda: report("EnhancedSR", 11, planar_measurements()),
    "spatial report": lambda: report("Comprehensive3DSR", 13, planar_measurements(), spatial_measurements()),
    "key objects": key_objects,
    "presentation state": presentation_state,
    "annotations": annotations,
}


# --------------------------------------------------------------------- states


@functools.cache
def original(name: str) -> Dataset:
    return OBJECTS[name]()


def made(name: str) -> Dataset:
    """A copy of its own, equal to every other one of the same name."""
    return copy.deepcopy(original(name))


@functools.cache
def stored(name: str, syntax: UID | None) -> bytes:
    return theirs(encoded_in(syntax or original(name).file_meta.TransferSyntaxUID, made(name)), enforce_file_format=True)


def read(name: str, syntax: UID | None = None) -> Dataset:
    return pydicom.dcmread(io.BytesIO(stored(name, syntax)))


def encoded_in(syntax: UID, dataset: Dataset) -> Dataset:
    dataset.file_meta.TransferSyntaxUID = syntax
    return dataset


def implicit(dataset: Dataset) -> Dataset:
    return encoded_in(ImplicitVRLittleEndian, dataset)


def explicit(dataset: Dataset) -> Dataset:
    return encoded_in(ExplicitVRLittleEndian, dataset)


def renamed(dataset: Dataset) -> Dataset:
    dataset.SpecificCharacterSet = "ISO_IR 192"
    dataset.PatientName = KANJI
    return dataset


IN_PLACE: dict[str, Callable[[str], Dataset]] = {
    "made": made,
    "read": read,
    "accessed": lambda name: accessed(read(name)),
    "made, another character set": lambda name: renamed(made(name)),
    "read, another character set": lambda name: renamed(read(name)),
    "accessed, another character set": lambda name: renamed(accessed(read(name))),
}
CONVERTED: dict[str, Callable[[str], Dataset]] = {
    "made, to implicit": lambda name: implicit(made(name)),
    "read, to implicit": lambda name: implicit(read(name)),
    "accessed, to implicit": lambda name: implicit(accessed(read(name))),
    "read from implicit": lambda name: read(name, ImplicitVRLittleEndian),
    "read, back to explicit": lambda name: explicit(read(name, ImplicitVRLittleEndian)),
    "accessed, back to explicit": lambda name: explicit(accessed(read(name, ImplicitVRLittleEndian))),
    "read, to implicit and another character set": lambda name: renamed(implicit(read(name))),
}
STATES = IN_PLACE | CONVERTED
CASES = [(name, state) for name in OBJECTS for state in STATES if name != "compressed segmentation" or state in IN_PLACE]


@functools.cache
def expected(name: str, state: str) -> bytes:
    return theirs(STATES[state](name), enforce_file_format=True)


def read_without_loss(state: str) -> str:
    """In items that pydicom has not decoded, it leaves text in the old character set under the name of a new one."""
    return "accessed, another character set" if state == "read, another character set" else state


def held(dataset: Dataset) -> list[Any]:
    """Which elements a dataset holds, and its items; none is decoded by asking."""
    elements = dataset._dict.values()
    sequences = [element.value for element in elements if isinstance(element, DataElement) and element.VR == "SQ"]
    return [id(element) for element in elements] + [held(item) for sequence in sequences for item in sequence]


@pytest.mark.parametrize(("name", "state"), CASES)
def test_an_object_of_highdicom_has_the_bytes_of_pydicom(name: str, state: str) -> None:
    assert dumps(STATES[state](name), enforce_file_format=True) == expected(name, read_without_loss(state))


@pytest.mark.parametrize(("name", "state"), CASES)
def test_an_object_of_highdicom_stays_as_it_was(name: str, state: str) -> None:
    dataset = STATES[state](name)
    before, meta = held(dataset), copy.deepcopy(dataset.file_meta)
    dumps(dataset, enforce_file_format=True)
    assert held(dataset) == before and dataset.file_meta == meta
    assert theirs(dataset, enforce_file_format=True) == expected(name, state)


@pytest.mark.parametrize("name", OBJECTS)
def test_what_is_in_the_file_is_what_is_in_memory(name: str, tmp_path: Path) -> None:
    dcmwrite(tmp_path / "object.dcm", made(name), enforce_file_format=True)
    data = (tmp_path / "object.dcm").read_bytes()
    assert data == expected(name, "made")
    assert dumps(dcmread(data)) == data


# --------------------------------------------------------------------- highdicom's own readers


def parametric_map_of(file: Any) -> Dataset:
    return hd.pm.ParametricMap.from_dataset(pydicom.dcmread(file))


READERS: dict[str, Callable[[Any], Dataset]] = {
    "binary segmentation": hd.seg.segread,
    "fractional segmentation": hd.seg.segread,
    "compressed segmentation": hd.seg.segread,
    "label map": hd.seg.segread,
    "float parametric map": parametric_map_of,
    "double parametric map": parametric_map_of,
    "legacy converted image": hd.legacy.lceread,
    "secondary capture": hd.imread,
    "enhanced report": hd.sr.srread,
    "spatial report": hd.sr.srread,
    "key objects": lambda file: hd.ko.KeyObjectSelectionDocument.from_dataset(pydicom.dcmread(file)),
    "annotations": hd.ann.annread,
}


def read_by_highdicom(name: str, change: Callable[[Dataset], Dataset]) -> Dataset:
    return change(READERS[name](io.BytesIO(stored(name, None))))


@pytest.mark.parametrize("change", [explicit, implicit, renamed])
@pytest.mark.parametrize("name", [name for name in READERS if name != "compressed segmentation"])
def test_an_object_that_highdicom_has_read_has_the_bytes_of_pydicom(name: str, change: Callable[[Dataset], Dataset]) -> None:
    one, other = read_by_highdicom(name, change), accessed(read_by_highdicom(name, lambda dataset: dataset))
    change(other)
    assert type(one).__module__.startswith("highdicom.")
    assert dumps(one, enforce_file_format=True) == theirs(other, enforce_file_format=True)


def test_a_compressed_segmentation_that_highdicom_has_read_stays_compressed() -> None:
    dataset = read_by_highdicom("compressed segmentation", renamed)
    assert dumps(dataset, enforce_file_format=True) == theirs(dataset, enforce_file_format=True)
    assert dcmread(dumps(dataset)).file_meta.TransferSyntaxUID == RLELossless


def test_highdicom_finds_the_segments_that_were_written() -> None:
    for name in ("binary segmentation", "label map"):
        written = READERS[name](io.BytesIO(dumps(implicit(made(name)))))
        found = written.get_pixels_by_source_instance([image.SOPInstanceUID for image in series()], combine_segments=True)
        assert np.array_equal(found, labels())


def test_highdicom_finds_the_measurements_that_were_written() -> None:
    written = READERS["spatial report"](io.BytesIO(dumps(implicit(made("spatial report")))))
    groups = written.content.get_planar_roi_measurement_groups()
    assert [[one.value for one in group.get_measurements()] for group in groups] == [[17, 1 / 3, 1.7e-9], [9.25]]
