// SPDX-License-Identifier: Apache-2.0
//
// A C++ program as there are many: containers of strings and of shared pointers, built and taken
// apart by some threads, handed from one to the next. Prints a sum that depends on the seed and on the
// number of batches, its argument, alone.
#include <condition_variable>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <deque>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <unordered_map>
#include <vector>

namespace {

struct Random {
    std::uint64_t state;
    std::uint64_t operator()() {
        state ^= state >> 12;
        state ^= state << 25;
        state ^= state >> 27;
        return state * UINT64_C(0x2545f4914f6cdd1d);
    }
};

struct Order {
    std::string customer;
    std::vector<std::uint32_t> lines;
    std::map<std::string, std::uint64_t> notes;
};
using Batch = std::vector<std::shared_ptr<Order>>;

class Queue {
  public:
    void put(std::unique_ptr<Batch> batch) {
        std::unique_lock<std::mutex> lock(mutex_);
        room_.wait(lock, [this] { return batches_.size() < 16; });
        batches_.push_back(std::move(batch));
        some_.notify_one();
    }
    std::unique_ptr<Batch> take() {
        std::unique_lock<std::mutex> lock(mutex_);
        some_.wait(lock, [this] { return !batches_.empty(); });
        auto batch = std::move(batches_.front());
        batches_.pop_front();
        room_.notify_one();
        return batch;
    }

  private:
    std::mutex mutex_;
    std::condition_variable some_, room_;
    std::deque<std::unique_ptr<Batch>> batches_;
};

std::shared_ptr<Order> make_order(Random &random) {
    auto order = std::make_shared<Order>();
    order->customer = "customer " + std::to_string(random() % 5000);
    order->lines.reserve(random() % 8);
    for (std::uint64_t n = random() % 40; n > 0; n--)
        order->lines.push_back(static_cast<std::uint32_t>(random()));
    for (std::uint64_t n = random() % 6; n > 0; n--)
        order->notes["a note on position " + std::to_string(n)] = random();
    return order;
}

void produce(Queue &queue, std::uint64_t seed, int batches) {
    Random random{seed};
    for (int i = 0; i < batches; i++) {
        auto batch = std::make_unique<Batch>();
        for (int k = 0; k < 100; k++)
            batch->push_back(make_order(random));
        queue.put(std::move(batch));
    }
    queue.put(nullptr);
}

std::uint64_t consume(Queue &queue) {
    std::unordered_map<std::string, Batch> by_customer;
    std::uint64_t sum = 0;
    while (auto batch = queue.take()) {
        for (auto &order : *batch) {
            Batch &kept = by_customer[order->customer];
            kept.push_back(order);
            if (kept.size() > 8) { // the oldest go
                for (const auto &old : kept) {
                    for (std::uint32_t line : old->lines)
                        sum += line;
                    for (const auto &note : old->notes)
                        sum ^= note.second + note.first.size();
                }
                kept.clear();
                kept.shrink_to_fit();
            }
        }
    }
    return sum;
}

} // namespace

int main(int argc, char **argv) {
    constexpr int kPairs = 4;
    const int batches = argc > 1 ? std::atoi(argv[1]) : 700;
    Queue queues[kPairs];
    std::uint64_t sums[kPairs];
    std::vector<std::thread> threads;
    for (int i = 0; i < kPairs; i++) {
        threads.emplace_back([&, i] { produce(queues[i], 1000 + static_cast<unsigned>(i), batches); });
        threads.emplace_back([&, i] { sums[i] = consume(queues[i]); });
    }
    for (auto &thread : threads)
        thread.join();
    for (std::uint64_t sum : sums)
        std::printf("%016llx\n", static_cast<unsigned long long>(sum));
}
