# SPDX-License-Identifier: Apache-2.0

cli_replay_sources =
