"""The check: a dataset is held against its IOD, attribute by attribute, item by item (PS3.3 A to C, PS3.5 7.4).

The facts are those of ``iod_tables.py``; what attributes say of one another and of the pixels is in ``consistency.py``. Whatever a dataset
holds, the answer is a report: what can't be read is a finding, too.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from functools import lru_cache
from typing import Any, NamedTuple

from .consistency import GROUPS_CLAUSE, Elements, contradictions, items_of, not_among, root_finding, several, value_of
from .dictionary import Entry, Tag, lookup
from .icc import profile_faults
from .iod import class_name
from .iod_tables import (
    PER_FRAME_GROUPS,
    READING_ERRORS,
    SHARED_GROUPS,
    TYPES,
    Attribute,
    Context,
    Group,
    Module,
    evaluate,
    iod_of,
    is_one_of,
    merged_tables,
    modules_of,
    watched_values,
)
from .model import MAX_DEPTH, Dataset
from .module_use import is_forbidden, modules_in_use, required_tags
from .report import Finding, Report, Severity
from .rules import TEXT_KINDS, complaint
from .values import DS, Fragments, shorten
from .vr import AMBIGUOUS, VRS
from .wording import because

# Attributes whose Enumerated Values an independent verifier of 2026 has, too, the same and as a closed list, or that stand with their
# reason in the tests: another value is an error. Elsewhere the list may be older than the dataset (the tables are of 2020), and it is
# a warning. Value n of ImageType and FrameType beyond 2 has Defined Terms.
CLOSED_LISTS = frozenset((
    "ASLBolusCutoffFlag", "ASLContext", "ASLCrusherFlag", "AcquisitionTimeSynchronized", "AliasedDataType", "AlphaLUTTransferFunction",
    "AnatomicalOrientationType", "AngioFlag", "ApprovalStatus", "AttenuationCorrected", "BeatRejectionFlag", "BitsAllocated",
    "BitsStored", "BlendingLUT1TransferFunction", "BlendingLUT2TransferFunction", "BlendingMode", "BlendingPosition",
    "BlindSpotLocalized", "BlockIdentifyingInformationStatus", "BloodSignalNulling", "Bold", "BoundingBoxAnnotationUnits",
    "BoundingBoxTextHorizontalJustification", "BrachyTreatmentTechnique", "BreastImplantPresent", "BurnedInAnnotation",
    "CArmPositionerTabletopRelationship", "CalibrationImage", "CardiacSynchronizationTechnique", "CassetteOrientation",
    "CatheterDirectionOfRotation", "CollimatorShape", "CompletionFlag", "CompoundGraphicUnits", "ConsentForDistributionFlag",
    "ContentQualification", "ContextGroupExtensionFlag", "ContinuityOfContent", "ContrastBolusAgentAdministered",
    "ContrastBolusAgentDetected", "ContrastBolusIngredientOpaque", "CorrectedLocalizedDeviationFromNormalCalculated",
    "CorrectedLocalizedDeviationFromNormalProbabilityCalculated", "CountLossNormalizationCorrected", "CountsSource", "DataPathAssignment",
    "DataPathID", "DataRepresentation", "DeadTimeCorrected", "DecayCorrected", "Decoupling", "DeidentificationAction",
    "DetectorActiveShape", "DetectorConditionsNominalFlag", "DetectorNormalizationCorrection", "DigitizingDeviceTransportDirection",
    "DimensionOrganizationType", "DoseUnits", "EchoPlanarPulseSequence", "EchoPulseSequence", "EntranceDoseDerivation",
    "ExposureControlSensingRegionShape", "ExtendedDepthOfField", "FieldOfViewHorizontalFlip", "FillMode", "FiniteVolume",
    "FlowCompensationDirection", "FocusMethod", "FovealPointNormativeDataFlag", "FovealSensitivityMeasured", "FrameLaterality",
    "FrameOfReferenceTransformationMatrixType", "FrameType", "FunctionalSettlingPhaseFramesPresent", "GPSDestBearingRef",
    "GPSDestDistanceRef", "GPSDestLatitudeRef", "GPSDestLongitudeRef", "GPSImgDirectionRef", "GPSLatitudeRef", "GPSLongitudeRef",
    "GPSMeasureMode", "GPSSpeedRef", "GPSStatus", "GPSTrackRef", "GantryMotionCorrected", "GeometricalProperties", "GeometryForDisplay",
    "GraphicAnnotationUnits", "GraphicDimensions", "GraphicFilled", "HangingProtocolLevel", "HighBit", "HorizontalAlignment",
    "IVUSAcquisition", "ImageHorizontalFlip", "ImageLaterality", "ImageRotation", "ImageType", "InPlanePhaseEncodingDirection",
    "InstanceOriginStatus", "IntensifierActiveShape", "InterventionStatus", "InversionRecovery", "Italic", "Laterality",
    "LensSegmentType", "LineDashingStyle", "LongitudinalTemporalInformationModified", "LossyImageCompression", "MRAcquisitionType",
    "MagnetizationTransfer", "Manifold", "MeasurementLaterality", "ModelMirroring", "ModelModification", "MultiCoilElementUsed",
    "MultiPlanarExcitation", "MultienergyCTAcquisition", "MultipleSpinEcho", "NonUniformRadialSamplingCorrected", "ObserverType",
    "OphthalmicAxialLengthMeasurementModified", "OphthalmicAxialLengthMeasurementsType", "OphthalmicImageOrientation",
    "OptotypePresentation", "OverlayType", "OversamplingPhase", "ParallelAcquisition", "PartialDataDisplayHandling", "PartialFourier",
    "PartialFourierDirection", "PartialView", "PatientEyeMovementCommanded", "PatientIdentityRemoved", "PatientMotionCorrected",
    "PatientSex", "PhaseContrast", "PhotometricInterpretation", "PixelIntensityRelationshipSign", "PixelRepresentation",
    "PlanarConfiguration", "PositionerPrimaryAngleDirection", "PositionerType", "PreSelectedForImplantation",
    "PreferredPlaybackSequencing", "PregnancyStatus", "PreliminaryFlag", "PresentationIntentType", "PresentationLUTShape",
    "PresentationSizeMode", "PresentedVisualStimuliDataFlag", "PrimaryDosimeterUnit", "PupilDilated", "QuadratureReceiveCoil",
    "QualityControlImage", "QualityControlSubject", "QueryRetrieveView", "RGBLUTTransferFunction", "RTImagePlane", "RadiationSetting",
    "RandomsCorrected", "RecognizableVisualFeatures", "RefractiveProcedureOccurred", "RegionSpatialFormat", "RescaleIntercept",
    "RescaleSlope", "RotationDirection", "SUVType", "SamplesPerPixel", "SamplesPerPixelUsed", "SaturationRecovery",
    "ScanProgressionDirection", "ScanningSequence", "ScatterCorrected", "ScreeningBaselineMeasured", "SegmentAlgorithmType",
    "SegmentedKSpaceTraversal", "SegmentsOverlap", "SensitivityCalibrated", "ShadowStyle", "ShortTermFluctuationCalculated",
    "ShortTermFluctuationProbabilityCalculated", "SignalDomainColumns", "SmokingStatus", "SpatialLocationsPreserved",
    "SpecimenLabelInImage", "SpectrallySelectedExcitation", "Spoiling", "StereoPairsPresent", "SurfaceProcessing",
    "SynchronizationTrigger", "T2Preparation", "TableMotion", "TemporalRangeType", "TestPointNormalsDataFlag", "ThresholdType",
    "TimeDistributionProtocol", "TimeOfFlightContrast", "TimeOfFlightInformationUsed", "TimeSeriesBlending",
    "TissueHeterogeneityCorrection", "TypeOfOpticalCorrection", "UltrasoundColorDataPresent", "Underlined", "VariableFlipAngleFlag",
    "VerificationFlag", "VerticalAlignment", "ViewingDistanceType", "VisualFieldTestNormalsFlag", "VolumeToTransducerRelationship",
    "VolumetricProperties", "WaveformOriginality", "WholeBodyTechnique", "XRayReceptorType",
))
# Sums of bits, of which the lists have the single ones.
_BIT_FIELDS = frozenset(("RegionFlags",))
# Defined Terms that nobody is known to extend: another term is worth a warning.
STABLE_TERMS = frozenset(("ConversionType",))

# The modules that an instance of a class without a table is held against: patient, study, series, SOP (PS3.3 A.1.2).
COMMON_MODULES = ("patient", "general-study", "general-series", "sop-common")
_ANY_IMAGE = "1.2.840.10008.5.1.4.1.1.7"

# After so many items with the same faults, the rest is only counted.
_MOST_REPEATED = 100
# Items that are looked at, and findings that are kept, before a check gives up: datasets may share items, and so be far larger than
# they look.
_MOST_ITEMS = 1_000_000
_MOST_FINDINGS = 100_000
# Below this number of items it is cheaper to check each than to compare them.
_FEW_ITEMS = 3

_UNDECIDED = "condition-undecided"


class _Place(NamedTuple):
    """Where the walk stands: the path of the item with a dot behind it, and the clause of its attributes, by tag or of all."""

    path: str
    clause: str
    clauses: Mapping[int, str]

    def finding(self, severity: Severity, code: str, tag: int, message: str) -> Finding:
        shown = Tag(tag)
        return Finding(severity, code, f"{self.path}{shown}", shown.keyword, message, self.clauses.get(tag, self.clause))

    def inside(self, tag: int, at: int) -> _Place:
        clause = GROUPS_CLAUSE if tag in (SHARED_GROUPS, PER_FRAME_GROUPS) else self.clauses.get(tag, self.clause)
        return _Place(f"{self.path}{Tag(tag)}[{at}].", clause, {})


class _Table(NamedTuple):
    """The rows of an item by tag, and those among them that may be missed: all but Type 3."""

    rows: Mapping[int, Attribute]
    demanded: tuple[Attribute, ...]


@lru_cache(maxsize=4096)
def _table(names: tuple[str, ...]) -> _Table:
    rows = merged_tables(names)
    return _Table(rows, tuple(row for row in rows.values() if row.type != "3"))


def check(ds: Dataset, /, *, sop_class: str | None = None) -> Report:
    """Hold a dataset against its IOD.

    Parameters
    ----------
    ds : Dataset
        Not changed.
    sop_class : str, optional
        The UID to check against; by default the dataset's SOPClassUID.

    Returns
    -------
    Report
        For a SOP class that has no table here, only the modules of patient, study, series and SOP are checked, and a
        warning says so.

    Examples
    --------
    >>> ds = Dataset(SOPClassUID="1.2.840.10008.5.1.4.1.1.2", Modality="CT", BitsAllocated=8)
    >>> findings = check(ds).errors
    >>> print(next(finding for finding in findings if finding.keyword == "KVP"))
    error: (0018,0060) KVP is missing; it may be empty (Type 2) [PS3.3 C.8.2.1]
    >>> print(next(finding for finding in findings if finding.code == "value-not-enumerated"))
    error: (0028,0100) BitsAllocated is 8, where 16 is allowed [PS3.3 C.7.6.3]
    """
    walk = _Walk()
    elements = walk.read(ds, "")
    stated = value_of(elements, "SOPClassUID")
    if isinstance(stated, bytes):  # in UN, as some files have it
        stated = stated.decode("ascii", "replace").rstrip("\0 ")
    uid = sop_class or stated
    findings = walk.findings
    known = isinstance(uid, str) and iod_of(uid) is not None
    if not known and uid is not None:
        message = f"{class_name(uid)} has no table here: only the modules of patient, study, series and SOP were checked"
        findings.append(root_finding("warning", "sop-class-unknown", "SOPClassUID", message, "PS3.3 A"))
    walk.root(elements, ds, str(uid) if known else "")
    findings += contradictions(elements, ds, uid)
    # An attribute stands in several rules: a remark is made once.
    return Report(tuple({finding[:4]: finding for finding in reversed(findings)}.values())[::-1])


@lru_cache(maxsize=1024)
def _clauses(modules: tuple[Module, ...]) -> Mapping[int, str]:
    """Tag -> the clause of the module with the strictest row for it."""
    strictest: dict[int, tuple[int, str]] = {}
    for module in modules:
        for row in module.attributes:
            rank = TYPES.index(row.type)
            if row.tag not in strictest or rank < strictest[row.tag][0]:
                strictest[row.tag] = rank, module.clause
    return {tag: clause for tag, (_, clause) in strictest.items()}


class _Walk:
    """One check of one dataset: what it has found, and how much it has looked at."""

    def __init__(self) -> None:
        self.findings: list[Finding] = []
        self._open: set[int] = set()
        self._items_left = _MOST_ITEMS
        self._gave_up = False
        self._groups: tuple[Group, ...] = ()
        self._shared: frozenset[int] = frozenset()
        self._framed: frozenset[int] = frozenset()
        self._has_shared = False

    def read(self, item: Any, path: str) -> Elements:
        """Tag -> element; what can't be read is a finding."""
        try:
            return {element.tag: element for element in item.values()}
        except READING_ERRORS:
            pass
        found: Elements = {}
        for tag in item:
            try:
                element = item[tag]
                found[element.tag] = element
            except READING_ERRORS as error:
                message = f"can't be read: {shorten(str(error), 200)}"
                self.findings.append(Finding("error", "unreadable-value", f"{path}{tag}", tag.keyword, message, "PS3.5 7"))
        return found

    def root(self, elements: Elements, ds: Dataset, uid: str) -> None:
        """The data set itself."""
        context = Context(elements)
        modules = modules_of(uid) if uid else tuple(one for one in modules_of(_ANY_IMAGE) if one.name in COMMON_MODULES)
        use = modules_in_use(modules, context)
        # what no needed module has is held against those that seem to be there, then against the others
        every, needed, present = (_table(tuple(module.table for module in some if module.table))
                                  for some in (modules, use.needed, use.present))
        place = _Place("", "PS3.3", _clauses(use.needed + use.present))
        self._groups = _known_groups(uid)
        self._shared, self._framed = _group_tags(elements)
        self._has_shared = bool(items_of(elements, SHARED_GROUPS))
        self._open.add(id(ds))
        self._item(elements, context, needed, place, 0, {**every.rows, **present.rows} if use.present else every.rows)
        self._incomplete(elements, context, present, place)
        if uid:
            self._outside(elements, every.rows, place)
        for module in use.forbidden:
            self._unwelcome(elements, module, {**needed.rows, **present.rows}, place)
        for module in use.undecided:
            message = f"only who made the dataset can know whether it needs the module {module.name}"
            self.findings.append(Finding("info", _UNDECIDED, "", "", message, module.clause))

    def _incomplete(self, elements: Elements, context: Context, present: _Table, place: _Place) -> None:
        """What is missing from a module that is there in part: in a Standard Extended class its attributes may stand alone (PS3.4 B.3)."""
        missed = {finding.path for finding in self.findings if finding.severity == "error"}
        for row in present.demanded:
            if row.tag not in elements and str(Tag(row.tag)) not in missed:
                required = row.condition is None or evaluate(row.condition, context) is True
                kind = row.type if required else row.floor
                if kind:
                    message = f"is missing from a module that is there in part (Type {kind})"
                    self._add(place, "warning", f"missing-type-{kind.lower()}", row.tag, message)

    def _outside(self, elements: Elements, rows: Mapping[int, Attribute], place: _Place) -> None:
        for tag in elements:
            entry = None if tag in rows or tag >> 16 & 1 or tag >> 16 < 8 else lookup(tag)
            if entry is not None and entry.keyword and not _is_of_any_image(tag, rows):
                self._add(place, "info", "outside-iod", tag, "is not of this IOD: the dataset is of a Standard Extended SOP Class")

    def _unwelcome(self, elements: Elements, module: Module, rows: Mapping[int, Attribute], place: _Place) -> None:
        tag = next((tag for tag in elements if tag in required_tags(module.table) and tag not in rows), None)
        if tag is not None and module.condition is not None:
            message = f"is of the module {module.name}, which must not be there{because(module.condition.required, True)}"
            self._add(place, "warning", "module-not-allowed", tag, message)

    def _item(
        self, elements: Elements, context: Context, table: _Table, place: _Place, depth: int, others: Mapping[int, Attribute] | None = None,
        demanding: bool = True,
    ) -> None:
        """An item: what is missing, then what is there."""
        if demanding:
            for wanted in table.demanded:
                if wanted.tag not in elements:
                    self._absent(wanted, context, place)
        for tag, element in elements.items():
            if tag >> 16 & 1 or tag & 0xFFFF == 0:
                continue
            row: Attribute | None = table.rows.get(tag)
            firm = row is not None or others is None
            if not firm and others is not None:
                row = others.get(tag)
            value = element.value
            entry = lookup(tag)
            if entry is not None:
                self._form(element, value, entry, place)
            if element.vr in _TEXT_VRS and (fault := _syntax_fault(element.vr, value)) is not None:
                self._add(place, "error", "value-syntax", tag, f"has {shorten(fault[0], 40)}: {fault[1]}", "PS3.5 6.2")
            if row is not None:
                self._value(row, value, context, place, firm)
            if tag == _ICC_PROFILE and not _is_empty(value):
                self._profile(value, place)
            if isinstance(value, list):
                if row is not None and row.item_limits != (0, 0):
                    self._count(row, len(value), place, firm)
                self._sequence(tag, value, row, context, place, depth)

    def _absent(self, row: Attribute, context: Context, place: _Place) -> None:
        """An attribute that is not there: required, not required, or nobody knows."""
        kind, condition = row.type, row.condition
        required: bool | None = True
        if condition is not None:
            required = evaluate(condition, context)
            if required is not True and row.floor:
                kind, condition, required = row.floor, None, True
        if required is False:
            return
        if required is None:
            if row.tag == _LATERALITY and _ROWS in context.item:
                # whether a body part has a twin can't be decided from the dataset alone
                self._add(place, "warning", "missing-type-2c", row.tag, "is missing; it may be empty (Type 2C)")
            else:
                message = f"is not there, and only who made the dataset can know whether it must (Type {kind})"
                self._add(place, "info", _UNDECIDED, row.tag, message)
            return
        mend = "it may be empty" if kind[0] == "2" else "give it a value"
        reason = because(condition.required) if condition is not None else ""
        severity: Severity = "warning" if row.tag == _LATERALITY else "error"
        self._add(place, severity, f"missing-type-{kind.lower()}", row.tag, f"is missing; {mend} (Type {kind}{reason})")

    def _form(self, element: Any, value: Any, entry: Entry, place: _Place) -> None:
        """VR and VM are those of the dictionary (PS3.6); in UN anything may stand (PS3.5 6.2.2)."""
        vr, known = element.vr, entry.vr
        if vr != known and vr != "UN" and known and vr not in AMBIGUOUS.get(known, ()):
            self._add(place, "error", "vr-wrong", element.tag, f"has the VR {vr}, where the dictionary has {known}", "PS3.6")
        elif isinstance(value, list) and known not in ("SQ", "UN", ""):
            self._add(place, "error", "vr-wrong", element.tag, f"holds items, where the dictionary has {known}", "PS3.6")
        elif known == "SQ" and vr != "UN" and not isinstance(value, list) and value is not None:
            self._add(place, "error", "not-a-sequence", element.tag, f"holds {shorten(value, 40)}, where items are wanted", "PS3.5 7.5")
        elif (type(value) is tuple or hasattr(value, "ndim")) and vr != "UN" and "W" not in known:
            count = _length_of(value)
            if count is not None and count and not entry.vm.allows(count):
                self._add(place, "error", "vm-wrong", element.tag, f"has {count} values, where {entry.vm} are allowed", "PS3.6")
        elif entry.vm.low > 1 and value is not None and vr != "UN" and isinstance(value, (str, int, float)):
            self._add(place, "error", "vm-wrong", element.tag, f"has 1 value, where {entry.vm} are allowed", "PS3.6")

    def _value(self, row: Attribute, value: Any, context: Context, place: _Place, firm: bool) -> None:
        """A value is there where the Type wants one, the attribute may be there, and its values are among those allowed.

        What only modules say that need not be there is no error.
        """
        condition = row.condition
        if condition is not None and not row.floor and evaluate(condition, context) is False and is_forbidden(condition, context):
            message = f"must not be there{because(condition.required, True)} (Type {row.type})"
            self._add(place, "warning", "not-allowed", row.tag, message)
        if _is_empty(value):
            may_be_empty = row.type[0] != "1" or (row.floor == "2" and evaluate(condition, context) is not True)
            if not may_be_empty:
                message = f"has no value, and is of Type {row.type}"
                self._add(place, "error" if firm else "warning", f"empty-type-{row.type.lower()}", row.tag, message)
        elif row.values and Tag(row.tag).keyword not in _BIT_FIELDS:
            self._terms(row, value, context, place)

    def _profile(self, value: Any, place: _Place) -> None:
        """The profile is one, for colours of red, green and blue."""
        for fault in profile_faults(value):
            self._add(place, "error" if fault.grave else "warning", "icc-profile", _ICC_PROFILE, fault.message, "PS3.3 C.11.15.1.1")

    def _count(self, row: Attribute, items: int, place: _Place, firm: bool) -> None:
        """As many items as the sequence may have; that it has one where it must, its Type says."""
        least, most = row.item_limits
        severity: Severity = "error" if firm else "warning"
        if most and items > most:
            allowed = f"{most} is" if most == 1 else f"{most} are"
            self._add(place, severity, "too-many-items", row.tag, f"has {items} items, where {allowed} allowed")
        elif 0 < items < least:
            self._add(place, severity, "too-few-items", row.tag, f"has {items} item, where {least} are wanted")

    def _terms(self, row: Attribute, value: Any, context: Context, place: _Place) -> None:
        values = several(value)
        placed = any(one.place for one in row.values)
        for number in dict.fromkeys(one.place for one in row.values):
            # a list for each value beside lists for some is a list for some whose number was lost
            if placed and not number:
                continue
            meant = values[number - 1 : number] if number else values
            lists = [(one.enumerated, one.values, one.when is None or evaluate(one.when, context)) for one in row.values
                     if one.place == number]
            if not meant or any(holds is None for _, _, holds in lists):
                continue
            closed = [terms for enumerated, terms, holds in lists if enumerated and holds]
            open_lists = [terms for enumerated, terms, holds in lists if not enumerated and holds]
            if closed:
                self._enumerated(row.tag, meant, closed, place)
            elif open_lists:
                self._defined(row.tag, meant, tuple(term for terms in open_lists for term in terms), place)

    def _enumerated(self, tag: int, values: tuple[Any, ...], lists: list[tuple[str | int, ...]], place: _Place) -> None:
        """A list within another narrows it, for it is of another module; others are alternatives, and one is enough."""
        shortest = min(lists, key=len)
        narrowed = all(set(shortest) <= set(terms) for terms in lists)
        allowed = shortest if narrowed else tuple(dict.fromkeys(term for terms in lists for term in terms))
        wrong = next((value for value in values if is_one_of(value, allowed) is not True), None)
        if wrong is not None:
            severity: Severity = "error" if Tag(tag).keyword in CLOSED_LISTS else "warning"
            self._add(place, severity, "value-not-enumerated", tag, not_among(wrong, allowed, "allowed"))

    def _defined(self, tag: int, values: tuple[Any, ...], terms: tuple[str | int, ...], place: _Place) -> None:
        wrong = next((value for value in values if is_one_of(value, terms) is not True), None)
        if wrong is not None:
            severity: Severity = "warning" if Tag(tag).keyword in STABLE_TERMS else "info"
            self._add(place, severity, "value-not-defined", tag, not_among(wrong, terms, "defined"))

    def _sequence(self, tag: int, items: list[Any], row: Attribute | None, context: Context, place: _Place, depth: int) -> None:
        """The items of a sequence; of those that are alike the first is checked, and its faults are those of the others."""
        if depth >= MAX_DEPTH:
            self._add(place, "error", "too-deep", tag, f"holds items more than {MAX_DEPTH} levels deep", "PS3.5 7.5")
            return
        table = _table(row.items if row is not None else ())
        grouped = tag in (SHARED_GROUPS, PER_FRAME_GROUPS) and not depth
        alike = _Alike() if len(items) > _FEW_ITEMS else None
        for at, item in enumerate(items):
            if len(self.findings) >= _MOST_FINDINGS or self._items_left <= 0:
                self._give_up(place, tag)
                return
            self._items_left -= 1
            key = self._key(item) if alike is not None else None
            if alike is not None and key in alike.first:
                self.findings += alike.repeated(key, place.inside(tag, at).path)
                continue
            start = len(self.findings)
            inner = place.inside(tag, at)
            self._one(item, tag, table, context, inner, depth, grouped, place)
            if alike is not None:
                alike.first[key] = inner.path, tuple(self.findings[start:])
        if alike is not None and alike.left_out:
            message = f"has {alike.left_out} more items with the faults of others"
            self._add(place, "info", "repeated", tag, message)

    def _one(
        self, item: Any, tag: int, table: _Table, context: Context, inner: _Place, depth: int, grouped: bool, place: _Place
    ) -> None:
        if not isinstance(item, Dataset):
            self._add(place, "error", "not-an-item", tag, f"holds {shorten(item, 40)}, where items are wanted", "PS3.5 7.5")
            return
        if id(item) in self._open:
            self._add(place, "error", "too-deep", tag, "holds an item that it stands in itself", "PS3.5 7.5")
            return
        self._open.add(id(item))
        elements = self.read(item, inner.path)
        inside = context.inside(tag, elements)
        self._item(elements, inside, table, inner, depth + 1, None, not grouped)
        if grouped:
            self._functional_groups(elements, tag, inside, inner)
        self._open.discard(id(item))

    def _functional_groups(self, elements: Elements, sequence: int, context: Context, place: _Place) -> None:
        """Each macro is there, in the shared groups or in those of every frame, and not in both (PS3.3 C.7.6.16)."""
        own = "shared" if sequence == SHARED_GROUPS else "per-frame"
        for tag in elements if sequence == PER_FRAME_GROUPS else ():
            if tag in self._shared and tag >> 16 & 1 == 0:
                self._add(place, "error", "functional-group-twice", tag, "stands in the shared functional groups, too")
        for group in self._groups:
            present = next((tag for tag in group.tags if tag in elements), None)
            if present is not None and group.place and group.place != own:
                self._add(place, "error", "functional-group-misplaced", present, f"may only be {group.place}")
            elif present is None and self._belongs_here(group, sequence):
                self._missing_group(group, context, place)

    def _belongs_here(self, group: Group, sequence: int) -> bool:
        """Whether a group that is not in these items is missing from them: from the frames if some frame has it, else from the shared."""
        if any(tag in self._shared for tag in group.tags):
            return False
        in_frames = group.place == "per-frame" or not self._has_shared or any(tag in self._framed for tag in group.tags)
        return (sequence == PER_FRAME_GROUPS) == in_frames

    def _missing_group(self, group: Group, context: Context, place: _Place) -> None:
        required = group.usage == "M" or (group.usage == "C" and evaluate(group.condition, context))
        if required:
            reason = because(group.condition.required) if group.condition is not None else ""
            message = f"is missing: the functional group {group.name} is mandatory{reason}"
            self._add(place, "error", "missing-functional-group", group.tags[0], message)
        elif required is None:
            message = f"is not there, and only who made the dataset can know whether it must (functional group {group.name})"
            self._add(place, "info", _UNDECIDED, group.tags[0], message)

    def _key(self, item: Any) -> Any:
        """What the findings of an item depend on, all the way down; items of the same key in one sequence have the same findings."""
        try:
            return tuple(self._parts(item, 0))
        except READING_ERRORS:
            return object()

    def _parts(self, item: Any, depth: int) -> Iterator[Any]:
        self._items_left -= 1
        if depth > MAX_DEPTH or self._items_left <= 0:
            raise ValueError
        watched = watched_values()
        for element in item.values():
            tag, vr, value = element
            yield tag
            yield vr
            if value is None:
                yield None
            elif isinstance(value, list):
                yield len(value)
                for inner in value:
                    yield tuple(self._parts(inner, depth + 1))
            elif tag == _ICC_PROFILE:
                yield tuple(profile_faults(value))
            elif tag in watched and watched[tag] is None:
                yield several(value)
            else:
                if vr in _TEXT_VRS and _syntax_fault(vr, value) is not None:
                    yield value
                terms = watched.get(tag)
                if terms is None:
                    yield len(value) if type(value) is tuple or hasattr(value, "ndim") else not _is_empty(value)
                else:
                    yield tuple(one if one in terms else 0 for one in several(value))

    def _give_up(self, place: _Place, tag: int) -> None:
        if not self._gave_up:
            self._gave_up = True
            self._add(place, "warning", "check-incomplete", tag, "was not checked to its end: there is too much of it")

    def _add(self, place: _Place, severity: Severity, code: str, tag: int, message: str, clause: str = "") -> None:
        finding = place.finding(severity, code, tag, message)
        self.findings.append(finding._replace(clause=clause) if clause else finding)


class _Alike:
    """The items of one sequence by their keys, with the findings of the first of each."""

    def __init__(self) -> None:
        self.first: dict[Any, tuple[str, tuple[Finding, ...]]] = {}
        self.left_out = 0
        self._repeated = 0

    def repeated(self, key: Any, path: str) -> Iterable[Finding]:
        """The findings of an item like one before; what is not wrong is said once."""
        old, findings = self.first[key]
        faults = [finding for finding in findings if finding.severity != "info"]
        if not faults:
            return ()
        self._repeated += 1
        if self._repeated > _MOST_REPEATED:
            self.left_out += 1
            return ()
        return [finding._replace(path=path + finding.path[len(old):]) if finding.path.startswith(old) else finding for finding in faults]


_LATERALITY, _ROWS, _ICC_PROFILE = Tag("Laterality"), Tag("Rows"), Tag("ICCProfile")

_TEXT_VRS = {code: row for code, row in VRS.items() if row.kind in TEXT_KINDS}
# Short values are remembered: those of frames and of series repeat. Of text without bounds the beginning is looked at.
_SHORT = 64
_MOST_CHARACTERS = 1_000_000


def _syntax_fault(vr: str, value: Any) -> tuple[Any, str] | None:
    """The first value that breaks a rule of its VR, with the rule (PS3.5 6.2); None if none does. An empty value breaks none."""
    if type(value) is str:
        broken = (_short_complaint if len(value) <= _SHORT else _complaint)(vr, value)
        return None if broken is None else (value, broken)
    for one in value if type(value) is tuple else (value,):
        if isinstance(one, str):
            broken = (_short_complaint if len(one) <= _SHORT else _complaint)(vr, one)
        elif vr == "DS" and isinstance(one, DS):
            broken = _complaint(vr, one.text)
        elif vr == "IS" and isinstance(one, int):
            broken = None if -(2**31) <= one < 2**31 else _complaint(vr, str(int(one)))
        else:
            continue
        if broken is not None:
            return one, broken
    return None


def _complaint(vr: str, text: str) -> str | None:
    return complaint(_TEXT_VRS[vr], text[:_MOST_CHARACTERS]) if text else None


_short_complaint = lru_cache(maxsize=4096)(_complaint)


def _is_empty(value: Any) -> bool:
    if value is None:
        return True
    return isinstance(value, (str, bytes, list, tuple)) and not isinstance(value, Fragments) and not len(value)


def _length_of(value: Any) -> int | None:
    if isinstance(value, (Fragments, memoryview)):
        return None
    try:
        return len(value)
    except READING_ERRORS:
        return None


def _is_of_any_image(tag: int, rows: Mapping[int, Attribute]) -> bool:
    """Overlays repeat in groups 6000 to 601E, of which the tables have the first; curves are gone (PS3.5 7.6)."""
    return tag >> 24 == 0x60 and (tag & 0xFF00FFFF) in rows


def _known_groups(uid: str) -> tuple[Group, ...]:
    """The groups of a class whose tags are sequences of the items; of a few macros the table has other tags."""
    known = iod_of(uid) if uid else None
    groups = known.groups if known is not None else ()
    return tuple(group for group in groups if group.tags and all((entry := lookup(tag)) and entry.vr == "SQ" for tag in group.tags[:1]))


def _group_tags(elements: Elements) -> tuple[frozenset[int], frozenset[int]]:
    """The tags in the shared groups, and those in the groups of any frame."""
    shared, framed = (items_of(elements, tag) for tag in (SHARED_GROUPS, PER_FRAME_GROUPS))
    return frozenset(tag for item in shared[:1] for tag in item), frozenset(tag for item in framed[:_MOST_ITEMS] for tag in item)
