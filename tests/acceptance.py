"""Instances of every SOP class as a user gets them: the facts that only a person can give, and what ``complete`` makes of them.

The facts are those that the tables demand (``minimal_instances.py``), and those below that no table can decide on. None of them is
empty: what may be empty is for ``complete`` to add.
"""

from __future__ import annotations

import re
import subprocess
from collections.abc import Mapping
from copy import deepcopy
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, NamedTuple

from minimal_instances import minimal_instance

from dcmenc import Dataset, dumps
from dcmenc.completion import complete
from dcmenc.iod_tables import sop_classes
from dcmenc.model import Sequence
from dcmenc.uid import storage_sop_classes


class Told(NamedTuple):
    """What a user tells beside what the tables demand for sure, and why; the ``modules`` that this makes use of.

    ``disputed``: dciodvfy demands it, and the tables do not.
    """

    facts: Mapping[str, Any]
    reason: str
    disputed: bool = False
    modules: tuple[str, ...] = ()


def _shared(**groups: Any) -> dict[str, Any]:
    return {"SharedFunctionalGroupsSequence": [groups]}


def _frame(**groups: Any) -> dict[str, Any]:
    return {"PerFrameFunctionalGroupsSequence": [groups]}


_MR_TIMING = _shared(MRTimingAndRelatedParametersSequence=[{"SpecificAbsorptionRateSequence": [{}], "OperatingModeSequence": [{}]}])
_REFERENCES = {"ReferencedSeriesSequence": [{}], "StudiesContainingOtherReferencedInstancesSequence": [{}]}
_FRAME_OF_REFERENCE = {"FrameOfReferenceUID": "1.2.3.99"}
_FRAME_TIMES = {"FrameReferenceDateTime": "20260101", "FrameAcquisitionDateTime": "20260101", "FrameAcquisitionDuration": 1.0}
_POSITIONER = {"PositionerPositionSequence": [{"PositionerPrimaryAngle": 1.0, "PositionerSecondaryAngle": 1.0}]}
_PIXEL_MEASURES = {"PixelMeasuresSequence": [{"PixelSpacing": (1, 1), "SliceThickness": 1}]}
_CODE = [{"CodeValue": "X", "CodingSchemeDesignator": "99X", "CodeMeaning": "X"}]
_BREAST_POSITIONS = dict.fromkeys((
    "BreastSupportXPositionToIsocenter", "BreastSupportYPositionToIsocenter", "BreastSupportZPositionToIsocenter",
    "DetectorXPositionToIsocenter", "DetectorYPositionToIsocenter", "DetectorZPositionToIsocenter"), 1.0)

# By IOD.
TOLD: Mapping[str, Told] = {
    **dict.fromkeys(("enhanced-mr-image", "mr-spectroscopy", "enhanced-mr-color-image"), Told(
        _MR_TIMING, "whether an absorption rate and an operating mode belong to the pulse sequence, a person knows")),
    **dict.fromkeys(("spatial-registration", "spatial-fiducials", "real-world-value-mapping"), Told(
        _REFERENCES, "of which study the instances are that it refers to, a person knows", modules=("common-instance-reference",))),
    "enhanced-xa-image": Told(_shared(**_POSITIONER), "of a C-arm the angles are demanded; the tables leave the condition undecided"),
    "breast-projection-x-ray-image": Told(
        _shared(IsocenterReferenceSystemSequence=[{
            **_BREAST_POSITIONS, "DetectorActiveAreaTLHCPosition": (1, 1, 1), "DetectorActiveAreaOrientation": (1, 0, 0, 0, 1, 0)}]),
        "the positions are demanded of images for processing; the tables leave the condition undecided"),
    "tractography-results": Told(
        {"TrackSetSequence": [{"RecommendedDisplayCIELabValue": (1, 1, 1)}]},
        "whether a colour is of a set, of a track or of its points, its maker decides; the tables leave it undecided"),
    "microscopy-bulk-simple-annotations": Told(
        {"AnnotationGroupSequence": [{"PointCoordinatesData": bytes(8)}]},
        "whether coordinates are single or double, their maker decides; the tables leave it undecided"),
    "ophthalmic-visual-field-static-perimetry-measurements": Told(
        {"OphthalmicPatientClinicalInformationRightEyeSequence": [{}], "OphthalmicPatientClinicalInformationLeftEyeSequence": [{}],
         "MeasurementLaterality": "B", "VisualFieldTestPointSequence": [{"VisualFieldTestPointNormalsSequence": [{}]}]},
        "what was measured of which eye, a person knows"),
    "rt-beams-treatment-record": Told(
        {"TreatmentSessionBeamSequence": [{"BeamLimitingDeviceLeafPairsSequence": [{}]}]},
        "whether it is a session or a salvage record, and whether there were pairs of leaves, a person knows",
        modules=("rt-beams-session-record",)),
    "rt-ion-beams-treatment-record": Told(
        {"TreatmentSessionIonBeamSequence": [{
            "RecordedCompensatorSequence": [{"CompensatorType": "STANDARD"}], "RecordedBlockSequence": [{"BlockName": "X"}]}]},
        "whether it is a session or a salvage record, a person knows; Compensator Type and Block Name are Type 3 or none in the tables",
        True, ("rt-ion-beams-session-record",)),
    "ophthalmic-tomography-image": Told(
        _shared(PlanePositionSequence=[{"ImagePositionPatient": (1, 1, 1)}],
                PlaneOrientationSequence=[{"ImageOrientationPatient": (1, 0, 0, 0, 1, 0)}]) | _frame(FrameContentSequence=[_FRAME_TIMES]),
        "dciodvfy goes by the Image Type, where the tables ask for a Frame Type, which the class has not", True),
    "ophthalmic-optical-coherence-tomography-b-scan-volume-analysis": Told(
        _frame(FrameContentSequence=[_FRAME_TIMES], DerivationImageSequence=[{}]),
        "dciodvfy goes by the Image Type, where the tables ask for a Frame Type, which the class has not; it looks for the Derivation "
        "Image in the frames only, and not in the shared groups", True),
    "photoacoustic-image": Told(
        _shared(PlaneOrientationVolumeSequence=[{}], PhotoacousticImageFrameTypeSequence=[{}],
                ImageDataTypeSequence=[{}], **_PIXEL_MEASURES)
        | _frame(FrameContentSequence=[_FRAME_TIMES], PlanePositionVolumeSequence=[{"ImagePositionVolume": (1.0, 1.0, 1.0)}]),
        "the tables do not say which functional groups a class so new has"),
    "ambulatory-ecg": Told({"AcquisitionContextSequence": [{}]}, "Acquisition Context is U in the tables", True, ("acquisition-context",)),
    "enhanced-xrf-image": Told(
        _shared(PatientOrientationInFrameSequence=[{}], TablePositionSequence=[{}], CollimatorShapeSequence=[{}], XRayGeometrySequence=[{}],
                **_POSITIONER),
        "the groups of the geometry are U in the tables", True),
    "breast-tomosynthesis-image": Told(
        _frame(XRay3DFrameTypeSequence=[{}]), "dciodvfy looks for the X-Ray 3D Frame Type in the frames only, and not in the shared groups",
        True),
    "ophthalmic-optical-coherence-tomography-en-face-image": Told(
        {"PatientOrientation": ("L", "F"), "ReferencedSurfaceMeshIdentificationSequence": [{
            "ReferencedSOPInstanceUID": "1.2.3.98", "ReferencedSurfaceNumber": 1, "SegmentedPropertyTypeCodeSequence": _CODE,
            "SurfaceMeshZPixelOffset": 1.0}]},
        "the sequence of the meshes is newer than the tables; where there is an Image Orientation (Patient), they demand no other",
        True),
    "dermoscopic-photography-image": Told(
        _FRAME_OF_REFERENCE | {"PositionReferenceIndicator": "X"}, "Frame of Reference is no module of the IOD in the tables", True),
    "rt-structure-set": Told(_FRAME_OF_REFERENCE, "Frame of Reference is U in the tables", True),
    "encapsulated-obj": Told({"ICCProfile": bytes(8)}, "ICC Profile is U in the tables", True),
    "encapsulated-mtl": Told({"ICCProfile": bytes(8)}, "ICC Profile is U in the tables", True),
    "spectacle-prescription-report": Told(
        {"ClinicalTrialTimePointID": "X", "ClinicalTrialCoordinatingCenterName": "X"},
        "the clinical trial modules are U in the tables", True,
        ("clinical-trial-subject", "clinical-trial-study", "clinical-trial-series")),
    **dict.fromkeys(("height-map-segmentation", "confocal-microscopy-image", "confocal-microscopy-tiled-pyramidal-image",
                     "enhanced-rt-image", "enhanced-continuous-rt-image"), Told(
        _shared(**_PIXEL_MEASURES) | _frame(FrameContentSequence=[{"DimensionIndexValues": 1}]),
        "the tables do not say which functional groups a class so new has")),
}


class Accepted(NamedTuple):
    """An instance; the top-level keywords of what the user gave; the keywords and paths of what was filled."""

    dataset: Dataset
    given: tuple[str, ...]
    filled: tuple[str, ...]


_NOTHING = Told({}, "")


def told_of(sop_class: str) -> Told:
    """What the tables can't decide on for a class, by its IOD."""
    return TOLD.get(sop_classes()[sop_class], _NOTHING)


def facts_of_user(sop_class: str, told: Told) -> Dataset:
    """What a user has to say of an instance of a class, when all has been filled in that a writer may fill in."""
    ds = Dataset(deepcopy(dict(told.facts)))
    filled = {*complete(ds, sop_class), "SOPClassUID"}
    minimal_instance(sop_class, ds, told.modules)
    for tag in [tag for tag in ds if tag.keyword in filled]:
        del ds[tag]
    _strip(ds)
    return ds


def _strip(item: Dataset) -> None:
    """Take out what has no value, and sequences without items."""
    for tag in list(item):
        value = item[tag].value
        if value is None or (isinstance(value, Sequence) and not value):
            del item[tag]
        elif isinstance(value, Sequence):
            for inner in value:
                _strip(inner)


def accepted_instance(sop_class: str, told: Told | None = None) -> Accepted:
    """What a user gives, completed; by default with what is ``TOLD`` of the IOD."""
    ds = facts_of_user(sop_class, told_of(sop_class) if told is None else told)
    given = tuple(tag.keyword for tag in ds)
    filled = complete(ds, sop_class)
    ds.file_meta.TransferSyntaxUID = "1.2.840.10008.1.2.1"
    return Accepted(ds, given, tuple(filled))


_FAULT = re.compile(r"^Error - (?:Missing|Empty) attribute.* Type (?:1|1C|2|2C) .*Element=<(\w+)>", re.M)


@cache
def version_of(dciodvfy: str) -> str:
    """The snapshot that the program is of."""
    run = subprocess.run([dciodvfy, "-version"], capture_output=True, text=True)
    found = re.search(r"dicom3tools Version: *(\S+)", run.stdout + run.stderr)
    return found[1] if found else "unknown"


def missed(dciodvfy: str, path: Path) -> tuple[str, ...] | None:
    """What dciodvfy calls missing or empty, of Type 1, 1C, 2 and 2C; None where it does not know the object."""
    run = subprocess.run([dciodvfy, str(path)], capture_output=True, text=True, errors="replace")
    said = run.stdout + run.stderr
    return None if "information object not found" in said.lower() else tuple(dict.fromkeys(_FAULT.findall(said)))


def missed_in(dciodvfy: str, ds: Dataset) -> tuple[str, ...] | None:
    """The same for a dataset."""
    with TemporaryDirectory() as folder:
        path = Path(folder) / "instance.dcm"
        path.write_bytes(dumps(ds))
        return missed(dciodvfy, path)


class Verdict(NamedTuple):
    """What dciodvfy misses in an instance of a class, None where it does not know the class; and what it misses where nothing is told."""

    sop_class: str
    missed: tuple[str, ...] | None
    untold: tuple[str, ...]
    given: int
    filled: int


# A directory of files is no instance of a patient's.
INSTANCES = tuple(uid for uid, iod in sop_classes().items() if iod != "basic-directory")


@cache
def verdict(dciodvfy: str, sop_class: str) -> Verdict:
    """On an instance of a class."""
    made = accepted_instance(sop_class)
    found = missed_in(dciodvfy, made.dataset)
    is_told = found is not None and told_of(sop_class) is not _NOTHING
    untold = missed_in(dciodvfy, accepted_instance(sop_class, _NOTHING).dataset) if is_told else ()
    return Verdict(sop_class, found, untold or (), len(made.given), len(made.filled))


@cache
def known_without_table(dciodvfy: str) -> tuple[str, ...]:
    """The storage SOP classes that dciodvfy knows and the tables don't."""
    return tuple(uid for uid in storage_sop_classes() if uid not in sop_classes() and missed_in(dciodvfy, _bare(uid)) is not None)


def _bare(sop_class: str) -> Dataset:
    ds = Dataset(SOPClassUID=sop_class, SOPInstanceUID="1.2.3")
    ds.file_meta.TransferSyntaxUID = "1.2.840.10008.1.2.1"
    return ds
