/** {@code new} and {@code dev}: a project of objects, from an empty folder on. Internal. */
@NullMarked
package dev.seriatim.server.project;

import org.jspecify.annotations.NullMarked;
