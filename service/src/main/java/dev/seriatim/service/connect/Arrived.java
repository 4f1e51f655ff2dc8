package dev.seriatim.service.connect;

/** A message that has come on a stub's call: a frame, or one that is still to be read. */
sealed interface Arrived permits Frame, LargeFrame {}
