#include "cuda/ptx/runtime/kernels.hpp"

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <map>
#include <regex>
#include <utility>

#include "cuda/ptx/decode.hpp"
#include "cuda/ptx/runtime/fat_binary.hpp"
#include "llsa/error.hpp"

namespace llsa::ptx {
namespace {

struct LoadedModule {
  explicit LoadedModule(std::string text) : module(std::move(text)) {}
  Module module;
  std::uint64_t globals = 0;
};

/// Modules by the text they were made of, shared by the kernels of a translation unit.
std::map<std::pair<const std::string*, std::string>, std::shared_ptr<LoadedModule>>& modules() {
  static std::map<std::pair<const std::string*, std::string>, std::shared_ptr<LoadedModule>> value;
  return value;
}

/// "sm_90a" is for 9.0 alone, "sm_80" for 8.0 and everything later. Zero: does not run there.
int fit(const std::string& text, const Device& device) {
  const std::size_t at = text.find(".target sm_");
  if (at == std::string::npos) return 0;
  char* end = nullptr;
  const auto target = static_cast<int>(std::strtol(text.c_str() + at + 11, &end, 10));
  const int here = 10 * device.major + device.minor;
  if (*end == 'a') return target == here ? 10 * target + 1 : 0;
  return target <= here ? 10 * target : 0;
}

std::string mutated(const std::string& text, const std::string& kernel, const Mutation& mutation) {
  Module module(text);
  const Entry* entry = module.find(kernel);
  if (!entry) throw Error("no PTX of kernel " + kernel);
  const auto begin = static_cast<std::size_t>(entry->body.data() - module.text().data());
  const std::string body(entry->body);
  const std::regex pattern(mutation.from);
  std::sregex_iterator match(body.begin(), body.end(), pattern);
  for (int i = 0; i < mutation.occurrence && match != std::sregex_iterator(); ++i) ++match;
  if (match == std::sregex_iterator())
    throw Error("kernel " + readable_name(kernel) + " has no match number " + std::to_string(mutation.occurrence) +
                " of \"" + mutation.from + "\" to change");
  std::string result = module.text();
  return result.replace(begin + static_cast<std::size_t>(match->position()), static_cast<std::size_t>(match->length()),
                        match->format(mutation.to));
}

}  // namespace

struct Kernel::Loaded {
  std::string device;
  std::shared_ptr<LoadedModule> module;
  Program program;
};

Kernel::Loaded& Kernel::load() {
  const Device& device = settings().device;
  if (loaded_ && loaded_->device == device.name) return *loaded_;
  const auto best = std::max_element(texts_->begin(), texts_->end(),
                                     [&](const auto& a, const auto& b) { return fit(a, device) < fit(b, device); });
  if (best == texts_->end() || fit(*best, device) == 0)
    throw Error("kernel " + readable_name(name_) + " has no PTX for " + device.name);
  const Mutation& mutation = Runtime::instance().mutation();
  const bool change = !mutation.from.empty() && readable_name(name_).find(mutation.kernel) != std::string::npos;
  std::shared_ptr<LoadedModule>& module = modules()[{&*best, change ? name_ : ""}];
  if (!module || change) {
    module = std::make_shared<LoadedModule>(change ? mutated(*best, name_, mutation) : *best);
    if (module->module.global_bytes())
      module->globals = Runtime::instance().memory().allocate(module->module.global_bytes());
  }
  const Entry* entry = module->module.find(name_);
  if (!entry) throw Error("no PTX of kernel " + readable_name(name_));
  loaded_ = std::make_shared<Loaded>(Loaded{device.name, module, decode(module->module, *entry, module->globals)});
  return *loaded_;
}

const Program& Kernel::program() { return load().program; }
int Kernel::target() { return std::atoi(load().module->module.target().c_str() + 3); }
void Kernel::forget() { loaded_.reset(); }

Runtime& Runtime::instance() {
  static Runtime* const runtime = new Runtime;  // outlives everything that is destroyed at exit
  return *runtime;
}

void** Runtime::register_binary(const void* wrapper) {
  binaries_.push_back(std::make_unique<std::vector<std::string>>(ptx_images(wrapper)));
  return reinterpret_cast<void**>(binaries_.back().get());
}

void Runtime::register_kernel(void** binary, const void* host_function, std::string name) {
  const auto* texts = reinterpret_cast<const std::vector<std::string>*>(binary);
  kernels_.emplace_back(host_function, std::make_unique<Kernel>(std::move(name), texts));
}

Kernel* Runtime::find(const void* host_function) {
  for (const auto& [function, kernel] : kernels_)
    if (function == host_function) return kernel.get();
  return nullptr;
}

void Runtime::set_mutation(Mutation mutation) {
  mutation_ = std::move(mutation);
  forget_programs();
}

void Runtime::forget_programs() {
  for (const auto& entry : kernels_) entry.second->forget();
  cache_.reset();
}

void Runtime::clear_cache() {
  if (cache_) cache_->clear();
}

void Runtime::launch(Kernel& kernel, const LaunchShape& shape, void** arguments) {
  const Program& program = kernel.program();
  std::vector<std::byte> parameters(program.parameter_bytes);
  for (std::size_t p = 0; p < program.parameters.size(); ++p)
    std::memcpy(parameters.data() + program.parameters[p].first, arguments[p], program.parameters[p].second);
  if (!cache_) cache_ = std::make_unique<Cache>(settings().device.l2_bytes);
  Block(program, shape, parameters, memory_, settings(), *cache_).run_grid();
}

}  // namespace llsa::ptx
