"""dcmenc encodes DICOM."""
