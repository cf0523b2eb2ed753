#pragma once

#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "viewer/model/background.hpp"
#include "viewer/model/document.hpp"
#include "viewer/model/settings.hpp"

namespace llsa::viewer {

/// One thing that is said of a tensor of somebody's kernel, and where.
struct Finding {
  std::string tensor;                     ///< "o", "lse", "dq", "dk", "dv", "indices_1", ...
  std::string verdict;                    ///< "right", "wrong" or "not judged"
  std::string text;                       ///< the first of what is wrong, or the largest error
  std::vector<std::string> details = {};  ///< the rest of it
  /// The place that the finding is about: batch entry, head, and the token in the file's order.
  struct Place {
    std::int64_t batch = 0, head = 0, token = 0;
    bool of_key = false;  ///< of dK and dV; the others have rows of queries
  };
  std::optional<Place> place = {};
};

/// Whether a file holds outputs of a kernel (any of o, lse, dq, dk, dv, indices_1, ...) and no Q, K, V of its own.
bool is_kernel_output(const std::filesystem::path& file);

/// What `llsa-compare verify` says of a kernel's output file, as a list. Functions return at once.
class Judgement {
 public:
  explicit Judgement(int threads, std::function<void()> wake) : lane_(threads, std::move(wake)) {}

  std::string problem;  ///< why the last file could not be judged; empty when it could

  /// Judges `theirs` against the reference on the document's own files. The old findings stay until new ones arrive.
  void judge(const std::filesystem::path& theirs, const Document& document, const AttentionChoice& how);
  bool update() { return lane_.deliver(); }
  void cancel() { lane_.cancel(); }
  JobStatus progress() const { return lane_.progress(); }

  const std::filesystem::path& file() const { return file_; }
  const std::string& conclusion() const { return conclusion_; }  ///< empty before the first
  const std::vector<Finding>& findings() const { return findings_; }

 private:
  std::filesystem::path file_;
  std::string conclusion_;
  std::vector<Finding> findings_;
  Background lane_;
};

}  // namespace llsa::viewer
