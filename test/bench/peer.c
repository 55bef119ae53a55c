/*
 * The practical limit: one big file served by libfuse 3's low-level API from the same image file,
 * with splice(2) where the library uses it. Compiled by the benchmark, used for nothing else.
 *
 *     peer IMAGE OFFSET LENGTH MOUNTPOINT      serves IMAGE's bytes as MOUNTPOINT/file
 */
#define FUSE_USE_VERSION 34
#include <errno.h>
#include <fcntl.h>
#include <fuse_lowlevel.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static int image;
static off_t start;
static off_t size;
static const double forever = 1e9;

static void fill(fuse_ino_t ino, struct stat *st)
{
	memset(st, 0, sizeof *st);
	st->st_ino = ino;
	if (ino == FUSE_ROOT_ID) {
		st->st_mode = S_IFDIR | 0555;
		st->st_nlink = 2;
	} else {
		st->st_mode = S_IFREG | 0444;
		st->st_nlink = 1;
		st->st_size = size;
		st->st_blocks = (size + 511) / 512;
	}
}

static void peer_init(void *userdata, struct fuse_conn_info *conn)
{
	(void)userdata;
	conn->want |= conn->capable & (FUSE_CAP_SPLICE_WRITE | FUSE_CAP_SPLICE_READ | FUSE_CAP_ASYNC_READ);
	conn->max_readahead = 1 << 20;
}

static void peer_lookup(fuse_req_t req, fuse_ino_t parent, const char *name)
{
	struct fuse_entry_param entry;

	if (parent != FUSE_ROOT_ID || strcmp(name, "file") != 0) {
		fuse_reply_err(req, ENOENT);
		return;
	}
	memset(&entry, 0, sizeof entry);
	entry.ino = 2;
	entry.attr_timeout = entry.entry_timeout = forever;
	fill(2, &entry.attr);
	fuse_reply_entry(req, &entry);
}

static void peer_getattr(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi)
{
	struct stat st;

	(void)fi;
	fill(ino, &st);
	fuse_reply_attr(req, &st, forever);
}

static void peer_open(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi)
{
	(void)ino;
	fi->keep_cache = 1;
	fuse_reply_open(req, fi);
}

static void peer_read(fuse_req_t req, fuse_ino_t ino, size_t length, off_t position, struct fuse_file_info *fi)
{
	struct fuse_bufvec buffer;

	(void)ino;
	(void)fi;
	if (position >= size) {
		fuse_reply_buf(req, NULL, 0);
		return;
	}
	if (position + (off_t)length > size)
		length = size - position;
	buffer = FUSE_BUFVEC_INIT(length);
	buffer.buf[0].flags = FUSE_BUF_IS_FD | FUSE_BUF_FD_SEEK;
	buffer.buf[0].fd = image;
	buffer.buf[0].pos = start + position;
	fuse_reply_data(req, &buffer, FUSE_BUF_SPLICE_MOVE);
}

static const struct fuse_lowlevel_ops operations = {
	.init = peer_init,
	.lookup = peer_lookup,
	.getattr = peer_getattr,
	.open = peer_open,
	.read = peer_read,
};

int main(int argc, char **argv)
{
	struct fuse_args args = FUSE_ARGS_INIT(0, NULL);
	struct fuse_session *session;
	int result;

	if (argc != 5)
		return 2;
	image = open(argv[1], O_RDONLY);
	start = strtoll(argv[2], NULL, 10);
	size = strtoll(argv[3], NULL, 10);
	if (image < 0)
		return 2;
	fuse_opt_add_arg(&args, argv[0]);
	fuse_opt_add_arg(&args, "-oro,fsname=peer");
	session = fuse_session_new(&args, &operations, sizeof operations, NULL);
	if (session == NULL || fuse_set_signal_handlers(session) != 0)
		return 1;
	if (fuse_session_mount(session, argv[4]) != 0)
		return 1;
	result = fuse_session_loop(session);
	fuse_session_unmount(session);
	fuse_session_destroy(session);
	return result == 0 ? 0 : 1;
}
