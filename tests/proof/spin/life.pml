/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The life of a device that was made through the control node, step by step, as a state
 * machine for spin. Two processes open the device, map it, poll it and leave; one process
 * deletes it; the module is unloaded. No step touches freed memory, no code of the module
 * runs after it was unloaded, a reader that sees the end has read all, and nothing is left.
 *
 * Each macro BREAK_... makes one mistake, which the search must find; spin.sh lists them.
 */

#define FILES 2
#define RECORDS 2

bool loaded = true;	/* the module's code is there */
bool going;		/* try_stop_module(): no new references */
byte users;		/* module_refcount() */
bool lock;		/* seqring_devices_lock */
bool listed = true;	/* on seqring_devices */
bool visible = true;	/* between cdev_device_add() and _del() */
byte refs = 1;		/* of seqring.dev; 1: the owner's */
bool freed;		/* seqring_dev_release() */
byte page_refs = 1;	/* of a page of the ring; 1: the area's */
bool page_freed;
bool queued, running;	/* irq_work */
bool dead;		/* seqring.dead */
bool write_lock;	/* seqring.write_lock */
byte head;
byte gone;		/* processes that are done */

#define TOUCH()		assert(!freed)
#define CODE()		assert(loaded)

inline acquire(l)
{
	atomic { !l -> l = true }
}

inline put_page_ref()
{
	d_step {
		assert(page_refs > 0);
		page_refs--;
		page_freed = (page_refs == 0)
	}
}

/* put_device(); the last one is seqring_free(), which drops the area's pages. */
inline put_ref()
{
	atomic {
		assert(!freed && refs > 0);
		refs--;
		if
		:: refs == 0 ->
			CODE();
			freed = true;
			put_page_ref()
		:: else
		fi
	}
}

/* seqring_unregister(), under seqring_devices_lock */
inline unregister()
{
	listed = false;
#ifndef BREAK_VISIBLE
	visible = false
#else
	skip
#endif
}

/* seqring_end() */
inline end_device()
{
	TOUCH();
	acquire(write_lock);
	dead = true;
	write_lock = false;
#ifndef BREAK_SYNC
	/* irq_work_sync() */
	!queued && !running;
#endif
	TOUCH();	/* wake_up_all() */
	put_ref()
}

/* A process that deletes the device. The control node's file holds the module. */
active proctype control()
{
	bool mine;

	atomic {
		if
		:: !going -> users++
		:: else -> goto out
		fi
	}
	if
	:: true ->
		CODE();
		acquire(lock);
#ifndef BREAK_LIST
		mine = listed;
#else
		mine = true;
#endif
		if
		:: mine -> unregister()
		:: else
		fi;
		lock = false;
		if
		:: mine -> end_device()
		:: else
		fi;
		CODE()
	:: true		/* it does not delete the device */
	fi;
	users--;
out:	gone++
}

#ifdef BREAK_LIST
/* Another process that deletes the device at the same time. */
active proctype control2()
{
	acquire(lock);
	unregister();
	lock = false;
	end_device()
}
#endif

/* irq_work: seqring_wake_sleepers() */
active proctype interrupt()
{
end:	do
	:: atomic { queued -> queued = false; running = true };
		CODE();
		TOUCH();
		running = false
	od
}

/* A process with a file of the device: it writes, reads, maps, and leaves. */
active [FILES] proctype user()
{
	bool mapped, saw_end, last, open;
	byte cursor, end_seen, n, files;

	/* chrdev_open(): the cdev holds the device, and the file holds the module. */
	atomic {
		if
		:: !visible -> goto out
		:: visible && going -> goto out
		:: else
		fi;
		assert(!freed);
#ifndef BREAK_OWNER
		users++;
#endif
		refs++
	}
	/* seqring_open() */
	CODE();
	TOUCH();
	if
	:: dead -> goto close_cdev
	:: else
	fi;
#ifndef BREAK_GET
	d_step {
		assert(!freed);
		refs++
	}
#endif
	files = 1;
	open = true;
	/* A mapping holds the file, and its page tables hold the page. */
	if
	:: true ->
		mapped = true;
		files++;
		d_step {
			assert(!page_freed);
			page_refs++
		}
	:: true
	fi;
	do
	:: open && n < 1 && head < RECORDS ->
		/* seqring_fop_write_iter() */
		n++;
		CODE();
		TOUCH();
		acquire(write_lock);
		if
#ifdef BREAK_WRITE
		:: true ->
#else
		:: !dead ->
#endif
			atomic {
				if
				:: head < RECORDS -> head++
				:: else
				fi
			}
			TOUCH();
			queued = true
#ifndef BREAK_WRITE
		:: else
#endif
		fi;
		write_lock = false
	:: open && !saw_end ->
		/* seqring_fop_poll() loads the end first, then head. */
		CODE();
		TOUCH();
#ifdef BREAK_POLL
		end_seen = head;
		last = dead;
#else
		last = dead;
		end_seen = head;
#endif
		if
		:: cursor < end_seen -> cursor = end_seen
		:: cursor == end_seen && last ->
			saw_end = true;
			assert(cursor == head)
		:: else
		fi;
		/* The process may stop to poll at any time. */
		if
		:: true -> break
		:: true
		fi
	:: else -> break
	od;
	/* The descriptor and the mapping go in any order. */
	do
	:: open ->
		open = false;
		files--;
		if
		:: files == 0 -> goto release
		:: else
		fi
	:: mapped ->
		assert(!page_freed);	/* a load from it */
		if
		:: true ->
			mapped = false;
			put_page_ref();
			files--;
			if
			:: files == 0 -> goto release
			:: else
			fi
		:: true
		fi
	:: !open && !mapped -> break
	od;
release:
	/* seqring_release(), when nothing holds the file any more */
	CODE();
	TOUCH();
#ifndef BREAK_PUT
	put_ref();
#endif
close_cdev:
	/* __fput(): cdev_put(), then module_put() */
	put_ref();
#ifndef BREAK_OWNER
	users--;
#endif
out:	gone++
}

/* delete_module(2), at any time */
active proctype rmmod()
{
	atomic { users == 0 -> going = true }
#ifndef BREAK_EXIT
	/* seqring_exit() */
	CODE();
	if
	:: listed ->
		acquire(lock);
		unregister();
		lock = false;
		end_device()
	:: else
	fi;
#endif
	loaded = false;
	gone == FILES + 1;
	assert(freed && page_freed && users == 0);
	assert(!queued && !running)
}
