# Rooms over Action Cable by itself, without the rest of Rails: a channel that streams a room and says things to it, a token
# in the query. With REDIS_URL its Redis adapter is between the instances. Prints its port.
require "openssl"
require "json"
require "logger"
require "action_cable"
require "puma"
require "puma/server"

# Who a token is of; nobody if it is not signed with the secret.
def user_of(token)
  header, payload, signature = token.to_s.split(".")
  digest = OpenSSL::HMAC.digest("SHA256", ENV.fetch("JWT_SECRET"), "#{header}.#{payload}")
  return unless signature == [digest].pack("m0").tr("+/", "-_").delete("=")

  JSON.parse(payload.tr("-_", "+/").unpack1("m"))["sub"]
end

class Connection < ActionCable::Connection::Base
  identified_by :user

  def connect
    self.user = user_of(request.params["token"]) || reject_unauthorized_connection
  end
end

class RoomChannel < ActionCable::Channel::Base
  def subscribed
    params[:room] ? stream_from("room:#{params[:room]}") : reject
  end

  def say(data)
    message = { room: params[:room], from: user, text: data["text"], timestamp: Time.now.utc.iso8601(3) }
    ActionCable.server.broadcast("room:#{params[:room]}", message)
  end
end

cable = ActionCable::Server::Base.config
cable.logger = Logger.new($stderr, level: Logger::WARN)
cable.cable = ENV["REDIS_URL"] ? { adapter: "redis", url: ENV["REDIS_URL"], channel_prefix: "peers" } : { adapter: "async" }
cable.connection_class = -> { Connection }
cable.disable_request_forgery_protection = true
cable.worker_pool_size = 4

server = ActionCable.server
ActionCable::Server::Base.config.mount_path = "/cable"
puma = Puma::Server.new(->(env) { server.call(env) }, Puma::Events.null, min_threads: 1, max_threads: 4)
listener = puma.add_tcp_listener("127.0.0.1", 0)
$stdout.puts(listener.addr[1])
$stdout.flush
puma.run.join
