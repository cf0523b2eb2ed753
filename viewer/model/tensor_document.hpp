#pragma once

#include <string>

#include "files/tensor_file.hpp"
#include "viewer/model/document.hpp"

namespace llsa::viewer {

/// What a name says of a tensor or file: it is Q (0), K (1) or V (2), when its last word is q, k, v, query, key or
/// value in any letter case; words end at one of "_-./ ".
struct QkvRole {
  int index = -1;      ///< -1 when the name says none of these
  std::string prefix;  ///< what stands before the word
  std::string word;
};
QkvRole role_of(const std::string& name);

std::string lower_case(std::string text);

/// Q, K and V of tensors that a file held (`where` names it in messages): every group of three with the same prefix
/// becomes a set. Throws `MetadataNeeded` or `Error` as `load_document` does.
Document document_of_tensors(const files::TensorFile& file, const LoadHints& hints, const std::string& where);

}  // namespace llsa::viewer
