// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <tiffio.h>

#include "intarsia/media.h"

namespace intarsia {

/// What the tags of a TIFF's first picture say, and the mode that Pillow gives to it.
struct TiffLayout {
  std::uint32_t width = 0, height = 0;  ///< as stored, before `orientation`
  std::uint16_t bits = 1, samples = 1, format = SAMPLEFORMAT_UINT, photometric = PHOTOMETRIC_MINISWHITE;
  std::uint16_t compression = COMPRESSION_NONE, orientation = ORIENTATION_TOPLEFT;
  bool planes = false;  ///< each sample lies in a plane of its own
  PixelMode mode = PixelMode::kRGB;
  int channels = 1;            ///< the samples of a pixel that are used; the rest are skipped
  bool premultiplied = false;  ///< the colours are multiplied by alpha
  bool by_libtiff = false;     ///< libtiff makes RGB of it

  [[nodiscard]] bool swaps_sides() const { return orientation >= ORIENTATION_LEFTTOP; }
};

/// Also sets what libtiff should make of JPEG and YCbCr. Throws Error(kInvalidDataFormat).
[[nodiscard]] TiffLayout read_tiff_layout(TIFF* file);

}  // namespace intarsia
