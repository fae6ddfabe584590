"""A DICOM whole-slide image as scanners write it: one level, tiles in full rows, JPEG."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import numpy.typing as npt
import simplejpeg
from pydicom.dataset import Dataset, FileDataset, FileMetaDataset
from pydicom.encaps import encapsulate
from pydicom.sequence import Sequence
from pydicom.uid import JPEGBaseline8Bit, VLWholeSlideMicroscopyImageStorage, generate_uid

TILE = 256


def write_dicom(path: Path, image: npt.NDArray[np.uint8], mpp: float) -> None:
    """Write one level of a slide.

    Args:
        path: the file; a slide is a folder of them.
        image: (height, width, 3), RGB.
        mpp: um per pixel.
    """
    height, width = image.shape[:2]
    rows, columns = -(-height // TILE), -(-width // TILE)
    padded = np.full((rows * TILE, columns * TILE, 3), 255, np.uint8)
    padded[:height, :width] = image
    frames = [
        simplejpeg.encode_jpeg(np.ascontiguousarray(padded[y : y + TILE, x : x + TILE]), 90, colorsubsampling="422")
        for y in range(0, rows * TILE, TILE)
        for x in range(0, columns * TILE, TILE)
    ]
    about = FileMetaDataset()
    about.MediaStorageSOPClassUID = VLWholeSlideMicroscopyImageStorage
    about.MediaStorageSOPInstanceUID = generate_uid()
    about.TransferSyntaxUID = JPEGBaseline8Bit
    measures, shared = Dataset(), Dataset()
    measures.PixelSpacing, measures.SliceThickness = [mpp / 1000, mpp / 1000], 0.005
    shared.PixelMeasuresSequence = Sequence([measures])
    data = FileDataset(path, {}, file_meta=about, preamble=b"\0" * 128)
    data.update(
        {
            "SOPClassUID": about.MediaStorageSOPClassUID,
            "SOPInstanceUID": about.MediaStorageSOPInstanceUID,
            "StudyInstanceUID": generate_uid(),
            "SeriesInstanceUID": generate_uid(),
            "Modality": "SM",
            "ImageType": ["ORIGINAL", "PRIMARY", "VOLUME", "NONE"],
            "DimensionOrganizationType": "TILED_FULL",
            "TotalPixelMatrixColumns": width,
            "TotalPixelMatrixRows": height,
            "NumberOfFrames": len(frames),
            "Rows": TILE,
            "Columns": TILE,
            "SamplesPerPixel": 3,
            "PhotometricInterpretation": "YBR_FULL_422",
            "PlanarConfiguration": 0,
            "BitsAllocated": 8,
            "BitsStored": 8,
            "HighBit": 7,
            "PixelRepresentation": 0,
        }
    )
    data.SharedFunctionalGroupsSequence = Sequence([shared])
    data.PixelData = encapsulate(frames)
    data["PixelData"].VR = "OB"
    data.save_as(path, enforce_file_format=True)
