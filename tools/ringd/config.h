/* SPDX-License-Identifier: GPL-2.0-only */
/* What the agent is told to do: by its file, then by the environment, then by --set. */
#ifndef RINGD_CONFIG_H
#define RINGD_CONFIG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define CONFIG_FILE "/etc/ringd.conf"

enum sink_type {
	SINK_NATS,
	SINK_FILE,
	SINK_STDOUT,
};

enum release {
	RELEASE_CONSUMER,
	RELEASE_STORED,
};

/**
 * struct config - all values, with their defaults filled in
 *
 * Each field is a key of ringd.conf(5): the first word is the section's. Times are in nanoseconds.
 * A text that was not given is NULL.
 */
struct config {
	char *agent_name;
	char *agent_rings;
	uint64_t agent_batch_size;
	uint64_t agent_batch_time;
	uint64_t agent_message_max;
	uint64_t agent_heartbeat;
	uint64_t agent_scan;
	uint64_t agent_stop_time;

	char *spool_directory;
	uint64_t spool_size;
	uint64_t spool_sync_time;

	uint64_t sink_type;
	char *sink_directory;
	uint64_t sink_file_size;

	char *nats_servers;
	uint64_t nats_stream_size;
	uint64_t nats_replicas;
	uint64_t nats_window;
	uint64_t nats_release;
	char *nats_consumer;
	char *nats_user;
	char *nats_password;
	char *nats_password_file;
	char *nats_nkey;
	char *nats_seed_file;
	char *nats_credentials;
	uint64_t nats_tls;
	char *nats_tls_ca;
	char *nats_tls_cert;
	char *nats_tls_key;
	char *nats_tls_hostname;

	char *metrics_file;
	uint64_t metrics_interval;
	uint64_t metrics_port;
};

/**
 * config_load() - read and check the configuration
 * @path: the file; NULL: CONFIG_FILE, which then need not exist
 * @sets: values of --set, SECTION.KEY=VALUE
 * @nr_sets: number of @sets
 * @out: set on success; config_free() frees it
 *
 * Every mistake is printed, each with the place where it is. Return: 0; -EINVAL there are mistakes;
 * -errno the file could not be read: a message was printed.
 */
int config_load(const char *path, char *const *sets, unsigned int nr_sets, struct config **out);

void config_free(struct config *c);

/* Prints the values in the form of the file, without passwords. */
void config_print(const struct config *c);

/* Prints SECTION.KEY of each key. */
void config_print_keys(void);

/* True if @name is matched by one of the patterns in @rings, which white space separates. */
bool config_wants(const char *rings, const char *name);

#endif /* RINGD_CONFIG_H */
