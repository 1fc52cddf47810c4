// SPDX-License-Identifier: Apache-2.0
#pragma once

namespace intarsia {

/// One per family of built-in functions; each registers its functions (and iterators).
void register_operator_functions();
void register_string_functions();
void register_math_functions();
void register_json_functions();
void register_array_functions();
void register_uuid_functions();
void register_timestamp_functions();
void register_image_functions();
void register_video_functions();

/// All of the above. The registry calls it at its first use.
void register_builtins();

}  // namespace intarsia
