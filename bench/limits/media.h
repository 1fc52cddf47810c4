// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <filesystem>
#include <string>
#include <vector>

namespace intarsia::limits {

/// `images`: files, as often as they are to be decoded. Results are files in `folder`, as the engine's are. As many
/// threads as cores.
void measure_images(const std::vector<std::string>& images, const std::filesystem::path& folder);

/// Every frame of a video: decoded, as RGB, resized, as thumbnail files in `folder`.
void measure_video(const std::string& video, const std::filesystem::path& folder);

}  // namespace intarsia::limits
