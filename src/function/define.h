// SPDX-License-Identifier: Apache-2.0
// Short forms for the tables of built-in functions.
#pragma once

#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "intarsia/function.h"

namespace intarsia {

/// What differs from an ordinary function or method.
struct Extras {
  std::string sql = {};
  bool deterministic = true;
};

/// A built-in function that is called by name only: pxt.functions.string.join(...).
inline void define_function(std::string name, std::vector<Parameter> parameters, const Type& returns, std::string doc,
                            std::string example, Kernel kernel, Extras extras = {}) {
  register_function({.name = std::move(name),
                     .parameters = std::move(parameters),
                     .return_type = returns,
                     .doc = std::move(doc),
                     .example = std::move(example),
                     .kernel = std::move(kernel),
                     .sql = std::move(extras.sql),
                     .deterministic = extras.deterministic});
}

/// A method of its first parameter's kind: t.name.upper().
inline void define_method(std::string name, std::vector<Parameter> parameters, const Type& returns, std::string doc,
                          std::string example, Kernel kernel, Extras extras = {}) {
  register_function({.name = std::move(name),
                     .parameters = std::move(parameters),
                     .return_type = returns,
                     .doc = std::move(doc),
                     .example = std::move(example),
                     .kernel = std::move(kernel),
                     .sql = std::move(extras.sql),
                     .is_method = true,
                     .deterministic = extras.deterministic});
}

/// A property of its parameter's kind: t.taken.year.
inline void define_property(std::string name, const Type& of, const Type& returns, std::string doc, std::string example,
                            Kernel kernel, Extras extras = {}) {
  register_function({.name = std::move(name),
                     .parameters = {{"self", of}},
                     .return_type = returns,
                     .doc = std::move(doc),
                     .example = std::move(example),
                     .kernel = std::move(kernel),
                     .sql = std::move(extras.sql),
                     .is_property = true});
}

/// A parameter that may be left out.
inline Parameter optional_parameter(std::string name, const Type& type, Value default_value) {
  return {.name = std::move(name), .type = type, .default_value = std::move(default_value)};
}

}  // namespace intarsia
