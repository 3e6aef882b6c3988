# Rooms over Action Cable by itself, without the rest of Rails: a channel that streams a room and says things to it, a token
# in the query, its Redis adapter between the instances. INSTANCE is told in a header of the upgrade.
require "action_cable"
require "jwt_of_ours"
