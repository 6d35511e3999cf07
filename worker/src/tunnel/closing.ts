/** For promises of sockets and streams: closing what is already closed rejects, and there is nothing left to do about it. */
export function ignoreClosed(): void {}
