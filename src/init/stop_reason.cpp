#include "init/stop_reason.hpp"

namespace cinit::init {
namespace {

namespace notice = core::notice;

template <class Words>
std::string join(const std::vector<Words>& all, std::string Words::*words) {
  std::string text;
  for (const Words& one : all) text += (text.empty() || (one.*words).empty() ? "" : "; ") + one.*words;
  return text;
}

}  // namespace

void StopReason::take_in(const core::Notice& notice, const Narration& narration) {
  if (const auto* begun = std::get_if<notice::ShutdownBegun>(&notice)) return stop_begins(*begun);
  if (narration.service) return take_failure(notice, narration);
  if (narration.level >= config::LogLevel::Warning && reason_.empty()) reason_ = narration.message;
}

std::string StopReason::why_down(core::ServiceId service) const {
  const auto found = failures_.find(service);
  return found == failures_.end() ? "" : join(found->second, &Failure::reason);
}

std::string StopReason::words_about(core::ServiceId service) const {
  return display_name(plan_, service) + ": " + join(failures_.at(service), &Failure::message);
}

void StopReason::stop_begins(const notice::ShutdownBegun& begun) {
  stopping_ = true;
  const bool is_about_all = begun.cause == notice::StopCause::AllEnded;
  const auto any = is_about_all ? failures_.begin() : failures_.end();
  const auto found = begun.service ? failures_.find(*begun.service) : any;
  if (found != failures_.end()) reason_ = words_about(found->first);
}

void StopReason::take_failure(const core::Notice& notice, const Narration& narration) {
  const bool is_well =
      std::holds_alternative<notice::Started>(notice) || std::holds_alternative<notice::Healthy>(notice);
  if (is_well) failures_.erase(*narration.service);
  if (narration.level < config::LogLevel::Warning) return;
  std::vector<Failure>& failures = failures_[*narration.service];
  std::erase_if(failures, [&](const Failure& failure) { return failure.kind == notice.index(); });
  failures.push_back({notice.index(), narration.message, narration.reason});
  if (stopping_ && reason_.empty()) reason_ = words_about(*narration.service);
}

}  // namespace cinit::init
